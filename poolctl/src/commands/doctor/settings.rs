//! The settings, as both services would read them here.

use agent_pool_core::ToolId;
use agent_pool_core::registry::{LookupError, Registry};
use agent_pool_core::settings::{Environment, SettingSpec, SettingsError};

use super::check::Checks;

/// Variables that this program reads itself, or that do not show that a service is configured here.
const NOT_OF_A_SERVICE: [&str; 9] = [
    "POOL_API_KEY",
    "POOL_URL",
    "SERVICES_URL",
    "PORT",
    "HOST",
    "LOG",
    "RUST_LOG",
    "LOG_FORMAT",
    "POOL_ENVIRONMENT",
];
const INFRA_PROVIDER: &str = "INFRA_PROVIDER";
/// The default infra of services-svc.
const DEFAULT_INFRA: &str = "railway";

/// Whether the settings of a service are expected here.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) pool: bool,
    pub(super) services: bool,
    /// The providers of this build, with the settings of this environment.
    pub(super) registry: Result<Registry, String>,
}

impl Here {
    /// A service that answers, or whose address is given, may be configured elsewhere: its settings are expected here
    /// only if one of its own variables is set.
    pub(super) fn look(environment: &Environment, pool_is: bool, services_is: bool) -> Self {
        let mut set = environment.clone();
        if set.get(INFRA_PROVIDER).is_none() {
            set.set(INFRA_PROVIDER, DEFAULT_INFRA);
        }
        let of_pool = is_set(environment, pool_svc::Config::reference());
        let registry = Registry::collect(&set).map_err(|error| error.to_string());
        let of_services = registry.as_ref().map(services_svc::Config::reference);
        let of_services = is_set(environment, of_services.unwrap_or_default());
        Self {
            pool: of_pool || !pool_is,
            services: of_services || !services_is,
            registry,
        }
    }
}

fn is_set(environment: &Environment, reference: Vec<SettingSpec>) -> bool {
    let own = reference.into_iter().map(|it| it.variable);
    own.filter(|it| !NOT_OF_A_SERVICE.contains(&it.as_str()))
        .any(|it| environment.get(&it).is_some())
}

const ELSEWHERE: &str = "to check its settings, run this on its machine";

pub(super) fn check(here: &Here, environment: &Environment) -> Checks {
    let mut checks = Checks::new("settings");
    if here.pool {
        match pool_svc::Config::from_env(environment) {
            Ok(_) => checks.ok("pool-svc", "complete and well-formed"),
            Err(error) => faults(&mut checks, "pool-svc", &error),
        }
        if environment.get("POOL_ENCRYPTION_KEY").is_none() {
            let todo =
                "set POOL_ENCRYPTION_KEY, for example to the output of: poolctl key --encryption";
            let found = "POOL_ENCRYPTION_KEY is not set: invite links are stored in the clear";
            checks.warn("pool-svc", found, todo);
        }
    } else {
        checks.skip("pool-svc", "its settings are not here", ELSEWHERE);
    }
    if !here.services {
        checks.skip("services-svc", "its settings are not here", ELSEWHERE);
        return checks;
    }
    match &here.registry {
        Ok(registry) => {
            of_services(&mut checks, registry, environment);
            if here.pool {
                of_tools(&mut checks, registry, environment);
            }
        }
        Err(error) => checks.fail("services-svc", error, "link each provider once"),
    }
    checks
}

/// All faults, one per line, each with its variable.
fn faults(checks: &mut Checks, name: &str, error: &SettingsError) {
    for fault in error.faults() {
        let todo = format!(
            "set {} in the environment of {name}, or in its file .env",
            fault.variable
        );
        checks.fail(name, format!("{} {}", fault.variable, fault.problem), &todo);
    }
}

fn of_services(checks: &mut Checks, registry: &Registry, environment: &Environment) {
    let mut set = environment.clone();
    if set.get(INFRA_PROVIDER).is_none() {
        set.set(INFRA_PROVIDER, DEFAULT_INFRA);
    }
    match services_svc::Config::read(&set, registry) {
        Ok(_) => checks.ok("services-svc", "complete and well-formed"),
        Err(error) => faults(checks, "services-svc", &error),
    }
    if environment.get("SERVICES_ENCRYPTION_KEY").is_none() {
        let todo =
            "set SERVICES_ENCRYPTION_KEY, for example to the output of: poolctl key --encryption";
        let found = "SERVICES_ENCRYPTION_KEY is not set: secrets are stored in the clear";
        checks.warn("services-svc", found, todo);
    }
    let infra = set.get(INFRA_PROVIDER).unwrap_or(DEFAULT_INFRA);
    if let Ok(id) = infra.parse()
        && let Err(error @ LookupError::Unconfigured { .. }) = registry.infra(&id)
    {
        let todo =
            format!("set them, or another {INFRA_PROVIDER}: `services-svc --help` lists all");
        checks.fail("infra", error.to_string(), &todo);
    }
}

/// Whether the tools of every instance are available.
fn of_tools(checks: &mut Checks, registry: &Registry, environment: &Environment) {
    let tools = pool_tools(environment);
    checks.ok("POOL_TOOLS", meaning(environment.get("POOL_TOOLS"), &tools));
    for id in &tools {
        match registry.tool(id) {
            Ok(_) => {}
            Err(error @ LookupError::Unconfigured { .. }) => {
                let todo = "set its variables, or remove it from POOL_TOOLS";
                checks.fail("tools", error.to_string(), todo);
            }
            Err(error) => {
                let todo = "remove it from POOL_TOOLS, unless your own services-svc contains it";
                checks.warn("tools", error.to_string(), todo);
            }
        }
    }
    if let Err(clash) = registry.together(&tools) {
        checks.fail(
            "tools",
            clash.to_string(),
            "remove one of them from POOL_TOOLS",
        );
    }
}

/// The meaning of `POOL_TOOLS`: an empty variable does not mean "no tools".
fn meaning(text: Option<&str>, tools: &[ToolId]) -> String {
    let names: Vec<&str> = tools.iter().map(ToolId::as_str).collect();
    let names = names.join(", ");
    match text {
        None => {
            format!("not set, so every instance gets the default: {names} (`none` means no tools)")
        }
        Some(_) if tools.is_empty() => "instances get no tools".to_owned(),
        Some(_) => format!("every instance gets {names}"),
    }
}

/// The tools in `POOL_TOOLS`, or the default.
pub(super) fn pool_tools(environment: &Environment) -> Vec<ToolId> {
    let text = environment.get("POOL_TOOLS").map(ToOwned::to_owned);
    let tools = text.map_or_else(|| Ok(pool_svc::Tools::default()), pool_svc::Tools::try_from);
    // An invalid list is reported as a fault of pool-svc's settings.
    tools.map(|tools| tools.ids().to_vec()).unwrap_or_default()
}

/// The infra in `INFRA_PROVIDER`, or the default.
pub(super) fn infra(environment: &Environment) -> String {
    environment
        .get(INFRA_PROVIDER)
        .unwrap_or(DEFAULT_INFRA)
        .to_owned()
}
