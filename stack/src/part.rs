//! The processes of the stack. Each is the starting program with a hidden subcommand.

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::config::Task;
use agent_pool_service_kit::db::{DatabaseUrl, DbError, migrate};
use agent_pool_service_kit::process;
use clap::Subcommand;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::runtime::Runtime;

/// One of the two services. It exits when the process that started it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Service {
    /// Run services-svc.
    #[command(hide = true)]
    ServicesSvc,
    /// Run pool-svc.
    #[command(hide = true)]
    PoolSvc,
}

/// A process of the stack.
///
/// The program that starts the stack has these as hidden subcommands and passes them to [`run_part`], so that one
/// `cargo run` builds everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Part {
    #[command(flatten)]
    Service(Service),
    /// Run agent-runtime. An instance outlives the process that started it: the local infra finds it again.
    #[command(hide = true)]
    AgentRuntime,
}

impl Service {
    /// Its name, which is the subcommand.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServicesSvc => "services-svc",
            Self::PoolSvc => "pool-svc",
        }
    }

    /// Runs the service until a signal stops it or its parent exits.
    ///
    /// # Errors
    /// The service's own error.
    pub async fn run(self) -> anyhow::Result<()> {
        exit_with_parent();
        let environment = Environment::of_process();
        match self {
            Self::ServicesSvc => services_svc::serve(environment).await,
            Self::PoolSvc => pool_svc::run(environment).await,
        }
    }

    /// Runs one task on the database of the service, as its binary does, and returns the report.
    ///
    /// # Errors
    /// The service's own error.
    pub async fn perform(self, environment: &Environment, task: Task) -> anyhow::Result<String> {
        match self {
            Self::ServicesSvc => process::perform::<services_svc::App>(environment, task).await,
            Self::PoolSvc => process::perform::<pool_svc::Pool>(environment, task).await,
        }
    }

    /// Migrates a database, as the start of the service would.
    ///
    /// # Errors
    /// The database cannot be reached, or a migration fails.
    pub async fn migrate(self, database: &DatabaseUrl) -> Result<(), DbError> {
        let migrations = match self {
            Self::ServicesSvc => services_svc::MIGRATIONS,
            Self::PoolSvc => pool_svc::MIGRATIONS,
        };
        migrate(database, migrations).await
    }
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [
        Self::Service(Service::ServicesSvc),
        Self::Service(Service::PoolSvc),
        Self::AgentRuntime,
    ];

    /// Its name, which is the subcommand.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service(service) => service.name(),
            Self::AgentRuntime => "agent-runtime",
        }
    }
}

/// Runs a part until a signal stops it.
///
/// # Errors
/// The part's own error.
pub fn run_part(part: Part) -> anyhow::Result<()> {
    Runtime::new()?.block_on(async {
        match part {
            Part::Service(service) => service.run().await,
            Part::AgentRuntime => agent_runtime::run(Environment::of_process()).await,
        }
    })
}

/// Sends this process SIGTERM when standard input ends. The parent holds the other end of that pipe, so this works even
/// if the parent is killed.
fn exit_with_parent() {
    std::thread::spawn(|| {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        kill(Pid::this(), Signal::SIGTERM).ok();
    });
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        part: Part,
    }

    #[test]
    fn every_part_is_a_subcommand_of_its_name() {
        for part in Part::ALL {
            let cli = Cli::try_parse_from(["program", part.name()]).unwrap();
            assert_eq!(cli.part, part);
        }
    }
}
