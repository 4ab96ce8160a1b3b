//! The vendors: whether they answer, and accept the credentials. Nothing is created or destroyed.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_client::{CallError, Services};
use agent_pool_core::registry::Registry;
use agent_pool_core::settings::{Environment, SettingSpec};
use agent_pool_core::wire::problem::ProblemCode;
use agent_pool_core::wire::services::{RegistryReply, SweepReport, SweepRequest};
use agent_pool_core::{
    Context, EnvironmentName, ErrorKind, InfraProvider, Mark, ProviderError, ToolId, ToolProvider,
    http,
};
use futures_util::future::join_all;

use super::check::Checks;
use super::services::Looked;
use super::settings::{Here, infra, pool_tools};
use crate::failure::reason;

/// Time limit for a vendor, over all attempts.
const WITHIN: Duration = Duration::from_secs(20);

enum Provider {
    Tool(Arc<dyn ToolProvider>),
    Infra(Arc<dyn InfraProvider>),
}

/// A provider that is configured by the settings here.
struct Configured {
    id: String,
    provider: Provider,
    settings: Vec<SettingSpec>,
}

impl Configured {
    /// Calls the vendor without changing anything: verifies the credentials if it can, or else lists the resources with
    /// our mark.
    async fn ask(&self, cx: &Context) -> Result<String, ProviderError> {
        match &self.provider {
            Provider::Tool(tool) if tool.capabilities().verify => tool.verify(cx).await?,
            Provider::Tool(tool) => drop(tool.list(cx).await?),
            Provider::Infra(infra) if infra.capabilities().verify => infra.verify(cx).await?,
            Provider::Infra(infra) => drop(infra.list(cx).await?),
        }
        Ok(answered(&self.settings))
    }

    fn notices(&self) -> Vec<String> {
        match &self.provider {
            Provider::Tool(tool) => tool.notices(),
            Provider::Infra(_) => Vec::new(),
        }
    }

    fn todo(&self, error: &ProviderError) -> String {
        let secrets: Vec<&str> = secrets(&self.settings).collect();
        match error.kind() {
            ErrorKind::Unauthorized | ErrorKind::Forbidden => {
                format!("check {} against the vendor's console", secrets.join(", "))
            }
            ErrorKind::Unavailable | ErrorKind::RateLimited => {
                "check that the vendor is up and reachable from here, then try again".to_owned()
            }
            ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Invalid
            | ErrorKind::Protocol
            | ErrorKind::Unsupported
            | ErrorKind::Defect => format!(
                "see `poolctl providers --settings` for the settings of {}",
                self.id
            ),
        }
    }
}

/// The result for a vendor that answered without an error.
fn answered(settings: &[SettingSpec]) -> String {
    match secrets(settings).next() {
        Some(_) => "answers, and accepts the credentials".to_owned(),
        None => "answers; it needs no credentials".to_owned(),
    }
}

fn secrets(settings: &[SettingSpec]) -> impl Iterator<Item = &str> {
    settings
        .iter()
        .filter(|it| it.secret)
        .map(|it| it.variable.as_str())
}

/// Checks every vendor that the settings here configure, from this machine.
pub(super) async fn by_settings(here: &Here, environment: &Environment) -> Checks {
    let mut checks = Checks::new("vendors, from here");
    let (true, Ok(registry)) = (here.services, &here.registry) else {
        return checks;
    };
    let name: Option<EnvironmentName> = match environment.get("POOL_ENVIRONMENT") {
        Some(name) => name.parse().ok(),
        None => "development".parse().ok(),
    };
    // An invalid name is reported as a fault of the settings.
    let Some((name, client)) = name.zip(http::client().ok()) else {
        return checks;
    };
    let context = Context::new(Mark::new(&name), client).within(WITHIN);
    let configured = configured(registry, environment);
    let asked = join_all(configured.iter().map(|one| one.ask(&context))).await;
    for (one, outcome) in configured.iter().zip(asked) {
        match outcome {
            Ok(found) => {
                checks.ok(&one.id, found);
                for notice in one.notices() {
                    checks.warn(&one.id, notice, "see the README of the provider");
                }
            }
            Err(error) => checks.fail(&one.id, error.to_string(), &one.todo(&error)),
        }
    }
    checks
}

/// The providers that the pool uses, and those with a required setting.
fn configured(registry: &Registry, environment: &Environment) -> Vec<Configured> {
    let wanted_tools = pool_tools(environment);
    let wanted_infra = infra(environment);
    let given = |settings: &[SettingSpec]| {
        let mut required = settings.iter().filter(|it| it.required);
        required.any(|it| environment.get(&it.variable).is_some())
    };
    let infra = registry.infras().filter_map(|(id, entry)| {
        let settings = entry.registration.reference();
        let provider = entry.provider.as_ref().ok()?;
        let used = id.as_str() == wanted_infra || given(&settings);
        used.then(|| Configured {
            id: id.to_string(),
            provider: Provider::Infra(Arc::clone(provider)),
            settings,
        })
    });
    let tools = registry.tools().filter_map(|(id, entry)| {
        let settings = entry.registration.reference();
        let provider = entry.provider.as_ref().ok()?;
        let used = wanted_tools.contains(id) || given(&settings);
        used.then(|| Configured {
            id: id.to_string(),
            provider: Provider::Tool(Arc::clone(provider)),
            settings,
        })
    });
    infra.chain(tools).collect()
}

/// Checks every vendor of the running Services, by a sweep that changes nothing.
pub(super) async fn by_services(looked: &Looked, tools: &[ToolId]) -> Checks {
    let mut checks = Checks::new("vendors, by Services");
    let Some((services, registry)) = &looked.running else {
        return checks;
    };
    missing(&mut checks, registry, tools);
    match sweep(services).await {
        Ok(report) => swept(&mut checks, registry, &report),
        Err(error) => checks.warn("sweep", reason(&error), "try again later"),
    }
    checks
}

async fn sweep(services: &Services) -> Result<SweepReport, CallError> {
    match services.sweep(&SweepRequest::default()).await {
        // Another sweep is running, and its report will say the same.
        Err(error) if error.is(&ProblemCode::SweepRunning) => services.last_sweep().await,
        swept => swept,
    }
}

/// The providers that the pool uses but Services cannot use.
fn missing(checks: &mut Checks, registry: &RegistryReply, tools: &[ToolId]) {
    for infra in registry
        .infra
        .iter()
        .filter(|it| it.selected && !it.configured)
    {
        let todo = "set its variables for services-svc, or choose another INFRA_PROVIDER";
        checks.fail(infra.id.as_str(), infra.faults.join("; "), todo);
    }
    for id in tools {
        match registry.tools.iter().find(|it| it.id == *id) {
            Some(tool) if tool.configured => {}
            Some(tool) => {
                let todo = "set its variables for services-svc, or remove it from POOL_TOOLS";
                checks.fail(id.as_str(), tool.faults.join("; "), todo);
            }
            None => {
                let todo = "link services-svc with it, or remove it from POOL_TOOLS";
                checks.fail(
                    id.as_str(),
                    "this build of services-svc does not contain it",
                    todo,
                );
            }
        }
    }
}

fn swept(checks: &mut Checks, registry: &RegistryReply, report: &SweepReport) {
    let infra = registry.infra.iter().filter(|it| it.configured);
    let infra = infra.map(|it| (it.id.as_str(), &it.settings));
    let tools = registry.tools.iter().filter(|it| it.configured);
    let tools = tools.map(|it| (it.id.as_str(), &it.settings));
    for (id, settings) in infra.chain(tools) {
        match report.failures.get(id) {
            Some(why) => {
                let secrets: Vec<&str> = secrets(settings).collect();
                let todo = format!(
                    "check that the vendor is up, and accepts the value of {} of services-svc",
                    secrets.join(", ")
                );
                checks.fail(id, why, &todo);
            }
            None => checks.ok(id, answered(settings)),
        }
    }
    let orphans = report.orphans.iter().filter(|it| !it.destroyed).count();
    if orphans > 0 {
        let found = format!("{orphans} orphans: resources at vendors that belong to no instance");
        checks.warn(
            "orphans",
            found,
            "inspect them with `poolctl sweep`, then use --destroy",
        );
    }
    if !report.missing.is_empty() {
        let found = format!(
            "{} resources are missing at their vendors",
            report.missing.len()
        );
        checks.warn(
            "missing",
            found,
            "inspect them with `poolctl sweep`, then use --repair",
        );
    }
}
