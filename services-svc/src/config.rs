//! The settings of services-svc: the one place that knows the names of their variables.

use std::num::NonZeroU16;
use std::time::Duration;

use agent_pool_core::registry::Registry;
use agent_pool_core::settings::{self, Environment, Faults, Millis, SettingSpec, SettingsError};
use agent_pool_core::{EnvVars, EnvironmentName, InfraId, Secret};
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::config::{HttpDefaults, HttpSettings};
use agent_pool_service_kit::db::DatabaseUrl;
use agent_pool_service_kit::trace::LogSettings;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::access::{Access, PurposeKeys};
use crate::db::local_grants::Limits as GrantLimits;

const HTTP: HttpDefaults = HttpDefaults {
    port: 3002,
    prefix: "SERVICES_SVC_",
};
const INFRA_PROVIDER: &str = "INFRA_PROVIDER";
const INSTANCE_ENV: &str = "INSTANCE_ENV_";
const ENCRYPTION_KEY: &str = "SERVICES_ENCRYPTION_KEY";

/// All settings, read at start.
#[derive(Debug)]
pub struct Config {
    pub(crate) http: HttpSettings,
    pub(crate) log: LogSettings,
    pub(crate) general: General,
    pub(crate) health: HealthSettings,
    pub(crate) sweep: SweepSettings,
    /// The infra of new instances: one of the registry.
    pub(crate) infra: InfraId,
    /// The variables of `INSTANCE_ENV_*`, without that prefix.
    pub(crate) instance_env: EnvVars,
    pub(crate) cipher: Cipher,
    /// The images that requests may name, in addition to the infra's own.
    pub(crate) allowed_images: Vec<String>,
    pub(crate) access: Access,
    pub(crate) limits: Limits,
}

/// Limits that apply to all callers.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) struct Limits {
    /// Maximum number of instances. Further creations are refused as `instance_limit`.
    #[serde(default = "Limits::default_instances")]
    pub(crate) services_max_instances: u32,
    /// Maximum number of local grants at the same time. Each grant costs as much as its tools.
    #[serde(default = "Limits::default_grants")]
    local_grant_max: u32,
    /// Maximum number of local grants in an hour.
    #[serde(default = "Limits::default_grants_per_hour")]
    local_grants_per_hour: u32,
}

impl Limits {
    const fn default_instances() -> u32 {
        1_000
    }

    const fn default_grants() -> u32 {
        50
    }

    const fn default_grants_per_hour() -> u32 {
        30
    }

    pub(crate) const fn grants(self) -> GrantLimits {
        GrantLimits {
            max: self.local_grant_max,
            per_hour: self.local_grants_per_hour,
        }
    }
}

/// General settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct General {
    /// The database of Services: postgres://USER:PASSWORD@HOST:PORT/NAME.
    pub(crate) services_database_url: DatabaseUrl,
    /// The address of the database itself, if `SERVICES_DATABASE_URL` leads to a pooler such as PgBouncer. It is used
    /// for migrations and locks, and for everything if the pooler does not support prepared statements.
    pub(crate) services_database_direct_url: Option<DatabaseUrl>,
    /// The database of the Node.js original, if it used a single one: `services-svc adopt` copies the instances and
    /// tools from it. Not needed after that.
    pub(crate) original_database_url: Option<DatabaseUrl>,
    /// Maximum number of connections to the database. Lower values make requests wait for one another.
    #[serde(default = "General::connections")]
    pub(crate) services_database_connections: NonZeroU16,
    /// The name of this deployment. Providers' resources are labelled with it, so do not change it while any exist.
    #[serde(default = "General::environment")]
    pub(crate) pool_environment: EnvironmentName,
    /// Time limit for one operation of a provider over all its attempts. It has to be longer than the provider's
    /// `…_TIMEOUT_MS`, which is for one attempt; otherwise slow calls are never retried. Lower values make slow vendors
    /// count as down; higher values let a hanging vendor delay creations.
    #[serde(default = "General::provider_timeout")]
    pub(crate) provider_timeout_ms: Millis,
    /// Age up to which `POST /status/batch` reuses a list of an infra in which every instance is alive. Higher values
    /// notice crashes later; lower values cost more calls of the vendor.
    #[serde(default = "General::status_list_max_age")]
    pub(crate) status_list_max_age_ms: Millis,
    /// Like `STATUS_LIST_MAX_AGE_MS`, for an infra whose webhooks are accepted and have arrived within the last day.
    /// A webhook makes every replica list the infra again at once.
    #[serde(default = "General::notified_list_max_age")]
    pub(crate) notified_list_max_age_ms: Millis,
    /// The address of pool-svc. When a webhook of a vendor reports a change, Pool is asked to tick at once; without
    /// this it notices the change at its next tick.
    pub(crate) pool_url: Option<Url>,
    /// How long an instance stays locked after the replica that was working on it died, and how often to check for
    /// interrupted operations. Lower values risk that a replica that pauses loses its lock.
    #[serde(default = "General::lease")]
    pub(crate) instance_lease_ms: Millis,
    /// How long an operation waits for an earlier one on the same instance before it is refused as `instance_busy`.
    /// Lower values make quick operations of one caller collide.
    #[serde(default = "General::lease_wait")]
    pub(crate) instance_wait_ms: Millis,
    /// How long a developer keeps the tools of `POST /provision-local`; after that they are orphans. Lower values end
    /// keys that are still in use; higher values keep paying for forgotten ones.
    #[serde(default = "General::local_grant_ttl")]
    pub(crate) local_grant_ttl_ms: Millis,
}

/// Settings that need more checks than their type.
#[derive(Deserialize, JsonSchema)]
struct RawSettings {
    /// The infra of new instances. Default: that of the distribution, or its only infra.
    infra_provider: Option<String>,
    /// Encrypts secrets at rest: 32 bytes in base64. Several keys are separated by commas: all of them decrypt, and the
    /// first encrypts, so that keys can be rotated. Without a key, secrets are stored in the clear.
    services_encryption_key: Option<Secret>,
    /// The images that a request may name, separated by commas. The infra's own image is always allowed.
    #[serde(default)]
    allowed_images: String,
}

impl General {
    fn connections() -> NonZeroU16 {
        NonZeroU16::new(16).unwrap_or(NonZeroU16::MIN)
    }

    fn environment() -> EnvironmentName {
        "development".parse().expect("the constant is well-formed")
    }

    const fn provider_timeout() -> Millis {
        Millis::from_millis(300_000)
    }

    const fn status_list_max_age() -> Millis {
        Millis::from_millis(3_000)
    }

    const fn notified_list_max_age() -> Millis {
        Millis::from_millis(120_000)
    }

    const fn local_grant_ttl() -> Millis {
        Millis::from_millis(30 * 24 * 3_600_000)
    }

    const fn lease() -> Millis {
        Millis::from_millis(5_000)
    }

    const fn lease_wait() -> Millis {
        Millis::from_millis(2_000)
    }
}

/// Health checks of instances.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) struct HealthSettings {
    /// Maximum number of concurrent health checks.
    #[serde(default = "HealthSettings::default_concurrency")]
    pub(crate) concurrency: NonZeroU16,
    /// Time limit for a health check.
    #[serde(default = "HealthSettings::default_timeout")]
    pub(crate) timeout_ms: Millis,
}

impl HealthSettings {
    fn default_concurrency() -> NonZeroU16 {
        NonZeroU16::new(40).unwrap_or(NonZeroU16::MIN)
    }

    const fn default_timeout() -> Millis {
        Millis::from_millis(5_000)
    }
}

/// Sweeps: the comparison of vendors with rows.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) struct SweepSettings {
    /// Interval between two sweeps. 0 turns sweeps off.
    #[serde(default = "SweepSettings::default_interval")]
    pub(crate) interval_ms: Millis,
    /// Minimum age of a resource without a row to count as an orphan, and of a row without a resource to count as
    /// missing.
    #[serde(default = "SweepSettings::default_grace")]
    pub(crate) grace_ms: Millis,
    /// Whether the periodic sweep destroys the orphans that it finds.
    #[serde(default)]
    pub(crate) destroy: bool,
    /// Whether the periodic sweep provisions missing tools again. Their instances are deployed again, including claimed
    /// ones, and vendors may charge for the new resources.
    #[serde(default)]
    pub(crate) repair: bool,
    /// Maximum share of a provider's resources that may be missing at once, in percent. If more of them, and at least
    /// 3, are missing, the listing is not trusted and nothing is repaired.
    #[serde(default = "SweepSettings::default_max_missing")]
    pub(crate) max_missing_percent: u8,
}

impl SweepSettings {
    const fn default_interval() -> Millis {
        Millis::from_millis(600_000)
    }

    const fn default_grace() -> Millis {
        Millis::from_millis(3_600_000)
    }

    const fn default_max_missing() -> u8 {
        50
    }

    fn check(self) -> Result<Self, SettingsError> {
        if self.max_missing_percent > 100 {
            let problem = format!("is {}: expected at most 100", self.max_missing_percent);
            return Err(SettingsError::fault("SWEEP_MAX_MISSING_PERCENT", problem));
        }
        Ok(self)
    }
}

impl Config {
    /// Reads all settings.
    ///
    /// # Errors
    /// Every variable that is missing or invalid. Provider settings are not included: without them a provider is only
    /// unconfigured.
    pub fn read(environment: &Environment, registry: &Registry) -> Result<Self, SettingsError> {
        let mut faults = Faults::default();
        let http = faults.keep(HttpSettings::read(environment, HTTP));
        let log = faults.keep(settings::read("", environment));
        let general =
            faults.keep(settings::read::<General>("", environment).and_then(General::check));
        let health =
            faults.keep(settings::read("HEALTH_", environment).and_then(HealthSettings::check));
        let sweep =
            faults.keep(settings::read("SWEEP_", environment).and_then(SweepSettings::check));
        let instance_env = faults.keep(instance_env(environment));
        let limits = faults.keep(settings::read("", environment));
        let keys = faults.keep(settings::read("", environment));
        let RawSettings {
            infra_provider,
            services_encryption_key,
            allowed_images,
        } = settings::read("", environment)?;
        let infra = faults.keep(chosen_infra(infra_provider.as_deref(), registry));
        let cipher = faults.keep(Cipher::read(
            ENCRYPTION_KEY,
            services_encryption_key.as_ref(),
        ));
        let images = allowed_images.split(',').map(str::trim);
        let config = (|| {
            let http: HttpSettings = http?;
            Some(Self {
                access: Access::new(keys?, &http.pool_api_key),
                allowed_images: images
                    .filter(|image| !image.is_empty())
                    .map(ToOwned::to_owned)
                    .collect(),
                limits: limits?,
                http,
                log: log?,
                general: general?,
                health: health?,
                sweep: sweep?,
                infra: infra?,
                instance_env: instance_env?,
                cipher: cipher?,
            })
        })();
        faults.finish(config)
    }

    /// The specs of all settings, including those of the linked providers.
    #[must_use]
    pub fn reference(registry: &Registry) -> Vec<SettingSpec> {
        let mut all = settings::describe::<General>("");
        all.extend(settings::describe::<RawSettings>(""));
        all.extend(settings::describe::<PurposeKeys>(""));
        all.extend(settings::describe::<Limits>(""));
        all.extend(HttpSettings::describe(HTTP));
        all.extend(settings::describe::<HealthSettings>("HEALTH_"));
        all.extend(settings::describe::<SweepSettings>("SWEEP_"));
        all.push(SettingSpec {
            variable: format!("{INSTANCE_ENV}*"),
            description: "Set on every instance, without the prefix INSTANCE_ENV_.".to_owned(),
            required: false,
            secret: true,
            default: None,
        });
        all.extend(settings::describe::<LogSettings>(""));
        all.extend(
            registry
                .infras()
                .flat_map(|(_, infra)| infra.registration.reference()),
        );
        all.extend(
            registry
                .tools()
                .flat_map(|(_, tool)| tool.registration.reference()),
        );
        all
    }

    pub(crate) const fn provider_timeout(&self) -> Duration {
        self.general.provider_timeout_ms.duration()
    }

    pub(crate) const fn local_grant_ttl(&self) -> Duration {
        self.general.local_grant_ttl_ms.duration()
    }

    pub(crate) const fn lease(&self) -> Duration {
        self.general.instance_lease_ms.duration()
    }

    pub(crate) const fn lease_wait(&self) -> Duration {
        self.general.instance_wait_ms.duration()
    }
}

impl General {
    fn check(self) -> Result<Self, SettingsError> {
        let mut faults = Faults::default();
        faults.keep(positive("PROVIDER_TIMEOUT_MS", self.provider_timeout_ms));
        faults.keep(positive("INSTANCE_LEASE_MS", self.instance_lease_ms));
        faults.keep(positive("LOCAL_GRANT_TTL_MS", self.local_grant_ttl_ms));
        faults.finish(Some(self))
    }
}

impl HealthSettings {
    fn check(self) -> Result<Self, SettingsError> {
        positive("HEALTH_TIMEOUT_MS", self.timeout_ms).map(|()| self)
    }
}

fn positive(variable: &str, time: Millis) -> Result<(), SettingsError> {
    if time.duration().is_zero() {
        return Err(SettingsError::fault(variable, "is 0: expected at least 1"));
    }
    Ok(())
}

fn chosen_infra(wanted: Option<&str>, registry: &Registry) -> Result<InfraId, SettingsError> {
    let known: Vec<&InfraId> = registry.infras().map(|(id, _)| id).collect();
    let chosen = match wanted {
        Some(wanted) => known.iter().find(|id| id.as_str() == wanted),
        None => known.first().filter(|_| known.len() == 1),
    };
    chosen.map(|&id| id.clone()).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|id| id.as_str()).collect();
        let is = wanted.map_or("is not set".to_owned(), |wanted| format!("is {wanted:?}"));
        let problem = match names.as_slice() {
            [] => format!("{is}: this build contains no infra provider; link one"),
            names => format!("{is}: this build has {}", names.join(", ")),
        };
        SettingsError::fault(INFRA_PROVIDER, problem)
    })
}

fn instance_env(environment: &Environment) -> Result<EnvVars, SettingsError> {
    let mut variables = EnvVars::new();
    let mut faults = Faults::default();
    for (name, value) in environment.with_prefix(INSTANCE_ENV) {
        let parsed = name
            .parse()
            .map_err(|error: agent_pool_core::ParseEnvNameError| {
                SettingsError::fault(format!("{INSTANCE_ENV}{name}"), error.to_string())
            });
        if let Some(name) = faults.keep(parsed) {
            variables.set(name, Secret::new(value));
        }
    }
    faults.finish(Some(variables))
}

#[cfg(test)]
mod tests {
    use agent_pool_core::layer::LayerSettings;

    use super::*;

    #[test]
    fn an_operation_has_longer_than_one_attempt_of_it() {
        let nothing = Environment::default();
        let attempt = LayerSettings::read("acme", &nothing).unwrap().timeout_ms;
        assert!(General::provider_timeout() > attempt);
    }
}
