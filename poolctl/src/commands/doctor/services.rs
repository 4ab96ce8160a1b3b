//! The running Services.

use agent_pool_client::Services;
use agent_pool_core::wire::services::RegistryReply;

use super::check::Checks;
use super::pool::{report_unhealthy, same_version};
use crate::connect::Target;
use crate::failure::Failure;

const NAME: &str = "Services";

/// The result of the check.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) checks: Checks,
    /// Whether it runs and accepts the key.
    pub(super) answers: bool,
    /// Its client and its providers, if it answers.
    pub(super) running: Option<(Services, RegistryReply)>,
}

pub(super) async fn check(target: &Result<Target, Failure>) -> Looked {
    let mut checks = Checks::new("services");
    let unseen = |checks| Looked {
        checks,
        answers: false,
        running: None,
    };
    let Ok(target) = target else {
        return unseen(checks);
    };
    let Some(services) = target.services() else {
        let todo = "set SERVICES_URL, or use --services-url";
        checks.skip(NAME, "its address is unknown", todo);
        return unseen(checks);
    };
    match services.registry().await {
        Ok(registry) => {
            let url = services.base();
            checks.ok(NAME, format!("answers at {url}"));
            same_version(&mut checks, NAME, &registry.version);
            Looked {
                checks,
                answers: true,
                running: Some((services.clone(), registry)),
            }
        }
        Err(error) => {
            report_unhealthy(&mut checks, NAME, "SERVICES_URL", &error);
            unseen(checks)
        }
    }
}
