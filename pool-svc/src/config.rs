//! The settings of pool-svc. No other place knows the names of its variables.

use std::path::PathBuf;
use std::time::Duration;

use agent_pool_core::settings::{self, Environment, Faults, Millis, SettingSpec, SettingsError};
use agent_pool_core::wire::pool::PoolSpec;
use agent_pool_core::{EnvironmentName, InstanceId, PoolName, Secret};
use agent_pool_service_kit::auth::ApiKeys;
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::config::{HttpDefaults, HttpSettings};
use agent_pool_service_kit::db::DatabaseUrl;
use agent_pool_service_kit::trace::LogSettings;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::lists::{CorsOrigins, JoinUrlSchemes};
use crate::pools::parse::parse_file;
use crate::templates::Catalogue;
use crate::tools::Tools;

const HTTP: HttpDefaults = HttpDefaults {
    port: 3001,
    prefix: "POOL_SVC_",
};

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen and which keys to accept.
    pub http: HttpSettings,
    /// What to log.
    pub log: LogSettings,
    /// The pool itself.
    pub pool: PoolSettings,
    /// The ready-made agents to offer.
    pub catalogue: Catalogue,
    /// Encrypts secrets at rest.
    pub cipher: Cipher,
    /// The pools of `POOLS_FILE`.
    pub declared: Vec<(PoolName, PoolSpec)>,
}

/// The settings of the pool.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct PoolSettings {
    /// The pool's own database.
    pub pool_database_url: DatabaseUrl,
    /// The address of the database itself, if `POOL_DATABASE_URL` leads to a pooler such as PgBouncer. It is used for
    /// migrations, locks and notifications, and for everything if the pooler does not support prepared statements.
    pub pool_database_direct_url: Option<DatabaseUrl>,
    /// Where services-svc is.
    pub services_url: Url,
    /// The name of this deployment.
    #[serde(default = "default_environment")]
    pub pool_environment: EnvironmentName,
    /// Number of idle instances to keep. Lower values risk claims that find none idle; each idle instance costs money.
    #[serde(default = "default_min_idle")]
    pub pool_min_idle: u32,
    /// Highest number of instances, including claimed ones and those being destroyed.
    #[serde(default = "default_max_total")]
    pub pool_max_total: u32,
    /// The tools of every instance, separated by commas; `none` for no tools.
    #[serde(default)]
    pub pool_tools: Tools,
    /// The tools that are provisioned when an instance is claimed, so that idle instances cost less. The runtime has to
    /// accept variables while it runs. A slow tool makes claims slow.
    #[serde(default = "Tools::none")]
    pub pool_claim_tools: Tools,
    /// The tools that an agent may request with the key of its instance.
    #[serde(default = "Tools::none")]
    pub pool_demand_tools: Tools,
    /// Highest number of creations at once. Higher values may exceed the rate limits of vendors.
    #[serde(default = "default_create_concurrency")]
    pub pool_create_concurrency: u16,
    /// Interval between two ticks. Lower values cause more health checks.
    #[serde(default = "default_tick_interval")]
    pub tick_interval_ms: Millis,
    /// How long an instance may be unreachable before it is destroyed. Lower values risk that slow starters never
    /// become idle.
    #[serde(default = "default_stuck_timeout")]
    pub pool_stuck_timeout_ms: Millis,
    /// Time limit for a claim as a whole. The runtime gets what the earlier steps left of it, and may need 60 s. Lower
    /// values risk that instances with slow runtimes are destroyed during a claim.
    #[serde(default = "default_claim_timeout")]
    pub claim_timeout_ms: Millis,
    /// How long a waiting claim, or a claim with an Idempotency-Key, counts as alive after its replica died. Lower
    /// values risk that a replica that pauses loses its places in the queue.
    #[serde(default = "default_claim_lease")]
    pub claim_lease_ms: Millis,
    /// How long a creation, a claim or a destruction counts as in progress after its replica died; then another replica
    /// takes over. Lower values risk that a replica that pauses loses its work.
    #[serde(default = "default_work_lease")]
    pub pool_work_lease_ms: Millis,
    /// Highest share of idle and claimed instances that one tick may treat as dead. If more of them, and at least 3,
    /// look dead, the tick treats none as dead, and `unobserved` in the pool's status gives the reason.
    #[serde(default = "default_max_vanished")]
    pub pool_max_vanished_percent: u32,
    /// Number of days to keep the lifecycle log. An instance that reappears at a vendor later than that is no longer
    /// recognised as ours.
    #[serde(default = "default_events_keep_days")]
    pub pool_events_keep_days: u16,
    /// The key for calls to Services. Default: `POOL_API_KEY`.
    pub services_api_key: Option<ApiKeys>,
    /// Encrypts invite links, instructions, stored answers and the keys of instances at rest: 32 bytes in base64.
    /// Several keys are separated by commas: all of them decrypt, and the first encrypts, including values that are
    /// already stored, so that keys can be rotated. Without a key, values are stored in the clear.
    pub pool_encryption_key: Option<Secret>,
    /// The URL under which instances reach this Pool, to report the outcome of a join that a person has to accept.
    /// Default: `PUBLIC_URL`. Without either, a join that is not accepted at once fails.
    pub pool_callback_url: Option<Url>,
    /// How long an instance is kept for an agent that waits to be accepted into a conversation.
    #[serde(default = "default_accept_timeout")]
    pub pool_accept_timeout_ms: Millis,
    /// The URL schemes allowed in the link of a conversation to join, separated by commas. A bare slug is always
    /// allowed.
    #[serde(default)]
    pub join_url_schemes: JoinUrlSchemes,
    /// The web sites whose pages may call the Pool API from a browser, separated by commas. By default none.
    #[serde(default)]
    pub pool_cors_origins: CorsOrigins,
    /// A read-only key for the dashboard and for GET requests to the Pool API. Several keys, separated by commas, are
    /// all accepted. Without it, everyone who signs in has full access.
    pub pool_read_key: Option<ApiKeys>,
    /// The URL under which people reach the dashboard. With https, its cookies are sent only over TLS and are bound to
    /// this host. Forms are accepted only from pages of this URL.
    pub public_url: Option<Url>,
    /// A TOML file with a table `[pools.NAME]` for each pool, read at start. A change by API lasts until the file
    /// declares something else.
    pub pools_file: Option<PathBuf>,
    /// Whether webhooks may lead to private, loopback and link-local addresses, and may use HTTP without TLS.
    #[serde(default)]
    pub pool_webhook_private_targets: bool,
    /// Time limit for an endpoint to answer a webhook. Lower values send messages again that slow endpoints have
    /// already received.
    #[serde(default = "default_webhook_timeout")]
    pub pool_webhook_timeout_ms: Millis,
    /// A JSON file of ready-made agents that replaces the built-in catalogue.
    pub pool_templates_file: Option<PathBuf>,
}

fn default_environment() -> EnvironmentName {
    let name = "development".parse();
    name.expect("the literal is a valid name")
}

const fn default_min_idle() -> u32 {
    3
}

const fn default_max_total() -> u32 {
    100
}

const fn default_create_concurrency() -> u16 {
    5
}

const fn default_tick_interval() -> Millis {
    Millis::from_millis(30_000)
}

const fn default_stuck_timeout() -> Millis {
    Millis::from_millis(900_000)
}

/// The 60 s that a runtime may need, and the longest time of the steps before.
const fn default_claim_timeout() -> Millis {
    Millis::from_millis(90_000)
}

const fn default_claim_lease() -> Millis {
    Millis::from_millis(15_000)
}

const fn default_accept_timeout() -> Millis {
    Millis::from_millis(3_600_000)
}

const fn default_work_lease() -> Millis {
    Millis::from_millis(10_000)
}

const fn default_webhook_timeout() -> Millis {
    Millis::from_millis(15_000)
}

const fn default_max_vanished() -> u32 {
    50
}

const fn default_events_keep_days() -> u16 {
    30
}

impl Config {
    /// Reads all settings.
    ///
    /// # Errors
    /// Every variable that is missing, invalid or in conflict with another one; not only the first.
    pub fn from_env(environment: &Environment) -> Result<Self, SettingsError> {
        let mut faults = Faults::default();
        let http = faults.keep(HttpSettings::read(environment, HTTP));
        let log = faults.keep(settings::read("", environment));
        let pool = faults.keep(settings::read::<PoolSettings>("", environment));
        if let Some(pool) = &pool {
            for fault in pool.faults() {
                faults.keep::<()>(Err(fault));
            }
        }
        if let (Some(http), Some(pool)) = (&http, &pool)
            && let Err(fault) = roles_differ(http, pool)
        {
            faults.keep::<()>(Err(fault));
        }
        let file = environment.get("POOL_TEMPLATES_FILE").map(PathBuf::from);
        let catalogue = faults.keep(
            Catalogue::load(file.as_deref())
                .map_err(|problem| SettingsError::fault("POOL_TEMPLATES_FILE", problem)),
        );
        let keys = pool
            .as_ref()
            .and_then(|pool| pool.pool_encryption_key.as_ref());
        let cipher = faults.keep(Cipher::read("POOL_ENCRYPTION_KEY", keys));
        let declared = faults.keep(pool.as_ref().map_or(Ok(Vec::new()), read_pools));
        let all = http
            .zip(log)
            .zip(pool)
            .zip(catalogue)
            .zip(cipher)
            .zip(declared);
        let (((((http, log), pool), catalogue), cipher), declared) = faults.finish(all)?;
        Ok(Self {
            http,
            log,
            pool,
            catalogue,
            cipher,
            declared,
        })
    }

    /// The reference of all variables, in the order of `--help`.
    #[must_use]
    pub fn reference() -> Vec<SettingSpec> {
        let mut all = HttpSettings::describe(HTTP);
        all.extend(settings::describe::<PoolSettings>(""));
        all.extend(settings::describe::<LogSettings>(""));
        all
    }
}

impl PoolSettings {
    /// Where the runtime of this instance reports whether its agent was accepted into the conversation.
    pub(crate) fn callback_url(&self, id: &InstanceId) -> Option<Url> {
        self.instance_url(id, "acceptance")
    }

    /// Where the runtime of this instance requests tools.
    pub(crate) fn tools_url(&self, id: &InstanceId) -> Option<Url> {
        self.instance_url(id, "tools")
    }

    fn instance_url(&self, id: &InstanceId, what: &str) -> Option<Url> {
        let base = self.pool_callback_url.as_ref().or(self.public_url.as_ref());
        let mut url = base?.clone();
        let path = ["api", "pool", "instances", id.as_str(), what];
        url.path_segments_mut().ok()?.pop_if_empty().extend(path);
        Some(url)
    }

    /// Tools that are in two lists.
    fn tool_faults(&self) -> Vec<SettingsError> {
        let lists = [
            ("POOL_TOOLS", &self.pool_tools),
            ("POOL_CLAIM_TOOLS", &self.pool_claim_tools),
            ("POOL_DEMAND_TOOLS", &self.pool_demand_tools),
        ];
        let mut faults = Vec::new();
        for (at, (variable, tools)) in lists.iter().enumerate() {
            for (other, earlier) in &lists[..at] {
                let twice = tools.ids().iter().find(|tool| earlier.ids().contains(tool));
                faults.extend(twice.map(|tool| {
                    let problem = format!("names {tool}, which {other} names too");
                    SettingsError::fault(*variable, problem)
                }));
            }
        }
        faults
    }

    /// Values that are well-formed but do not fit together or are out of range.
    fn faults(&self) -> Vec<SettingsError> {
        let mut faults = self.tool_faults();
        let mut require = |holds: bool, variable: &str, problem: String| {
            if !holds {
                faults.push(SettingsError::fault(variable, problem));
            }
        };
        let Self {
            pool_min_idle: min,
            pool_max_total: max,
            ..
        } = self;
        let too_many = format!("is {min}: expected no more than POOL_MAX_TOTAL, which is {max}");
        require(min <= max, "POOL_MIN_IDLE", too_many);
        let web = matches!(self.services_url.scheme(), "http" | "https");
        require(
            web,
            "SERVICES_URL",
            "is not an http:// or https:// URL".to_owned(),
        );
        let creates = self.pool_create_concurrency > 0;
        require(
            creates,
            "POOL_CREATE_CONCURRENCY",
            "is 0: expected 1 or more".to_owned(),
        );
        let percent = self.pool_max_vanished_percent;
        let share = format!("is {percent}: expected 0 to 100");
        require(percent <= 100, "POOL_MAX_VANISHED_PERCENT", share);
        let keeps = self.pool_events_keep_days > 0;
        require(
            keeps,
            "POOL_EVENTS_KEEP_DAYS",
            "is 0: expected 1 or more".to_owned(),
        );
        for (variable, time) in [
            ("TICK_INTERVAL_MS", self.tick_interval_ms),
            ("POOL_STUCK_TIMEOUT_MS", self.pool_stuck_timeout_ms),
            ("CLAIM_TIMEOUT_MS", self.claim_timeout_ms),
            ("CLAIM_LEASE_MS", self.claim_lease_ms),
            ("POOL_WORK_LEASE_MS", self.pool_work_lease_ms),
            ("POOL_WEBHOOK_TIMEOUT_MS", self.pool_webhook_timeout_ms),
        ] {
            let in_range = (Duration::from_millis(1)..=LONGEST).contains(&time.duration());
            require(
                in_range,
                variable,
                format!("is not within 1 and {}", LONGEST.as_millis()),
            );
        }
        faults
    }
}

fn read_pools(settings: &PoolSettings) -> Result<Vec<(PoolName, PoolSpec)>, SettingsError> {
    let Some(path) = &settings.pools_file else {
        return Ok(Vec::new());
    };
    let read = || {
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"));
        parse_file(&text?, settings.pool_max_total)
    };
    read().map_err(|problem| {
        SettingsError::fault("POOLS_FILE", format!("names {}: {problem}", path.display()))
    })
}

/// A key in both settings would make readers operators.
fn roles_differ(http: &HttpSettings, pool: &PoolSettings) -> Result<(), SettingsError> {
    let readers = pool.pool_read_key.iter().flat_map(ApiKeys::iter);
    let mut both = readers.filter(|key| http.pool_api_key.accepts(key.expose()));
    both.next().map_or(Ok(()), |_| {
        let problem = "contains a key that POOL_API_KEY contains too: expected a different one";
        Err(SettingsError::fault("POOL_READ_KEY", problem.to_owned()))
    })
}

/// A day. Longer durations are mistakes, and Postgres cannot add much longer ones.
const LONGEST: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 3] = [
        ("POOL_API_KEY", "a-key-of-16-characters"),
        ("POOL_DATABASE_URL", "postgres://u:hunter2@h/pool"),
        ("SERVICES_URL", "http://127.0.0.1:3002"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<Config, SettingsError> {
        let all = REQUIRED.iter().chain(more).copied();
        Config::from_env(&Environment::from_iter(all))
    }

    fn named(error: &SettingsError) -> Vec<&str> {
        error
            .faults()
            .iter()
            .map(|fault| fault.variable.as_str())
            .collect()
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        let Config { http, pool, .. } = read(&[]).unwrap();
        assert_eq!(
            (http.port, pool.pool_min_idle, pool.pool_max_total),
            (3001, 3, 100)
        );
        assert_eq!(String::from(pool.pool_tools), "openrouter,agentmail");
        assert_eq!(pool.tick_interval_ms, Millis::from_millis(30_000));
        assert_eq!(pool.pool_stuck_timeout_ms, Millis::from_millis(900_000));
        assert_eq!(
            (pool.pool_create_concurrency, pool.pool_max_vanished_percent),
            (5, 50)
        );
        assert_eq!(pool.claim_timeout_ms, Millis::from_millis(90_000));
        assert_eq!(pool.pool_events_keep_days, 30);
        assert_eq!(pool.claim_lease_ms, Millis::from_millis(15_000));
        assert_eq!(pool.pool_work_lease_ms, Millis::from_millis(10_000));
        assert_eq!(pool.pool_environment.to_string(), "development");
    }

    #[test]
    fn the_first_runtime_that_a_claim_provisions_has_a_minute_for_it() {
        let before = agent_pool_client::HEALTH_WITHIN + agent_pool_client::CONFIGURE_WITHIN;
        let claim = read(&[]).unwrap().pool.claim_timeout_ms.duration();
        assert!(claim >= before + Duration::from_mins(1));
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = Config::from_env(&Environment::default()).unwrap_err();
        assert_eq!(
            named(&error),
            ["POOL_API_KEY", "POOL_DATABASE_URL", "SERVICES_URL"]
        );
    }

    #[test]
    fn values_that_do_not_fit_together_are_refused_at_once() {
        let error = read(&[
            ("POOL_MIN_IDLE", "101"),
            ("SERVICES_URL", "ftp://h"),
            ("POOL_CREATE_CONCURRENCY", "0"),
            ("POOL_MAX_VANISHED_PERCENT", "101"),
            ("POOL_EVENTS_KEEP_DAYS", "0"),
            ("TICK_INTERVAL_MS", "0"),
            ("CLAIM_TIMEOUT_MS", "99999999999"),
            ("POOL_TEMPLATES_FILE", "/nowhere.json"),
            ("POOL_TOOLS", "exa,telnyx"),
            ("POOL_CLAIM_TOOLS", "telnyx"),
        ])
        .unwrap_err();
        let expected = [
            "POOL_CLAIM_TOOLS",
            "POOL_MIN_IDLE",
            "SERVICES_URL",
            "POOL_CREATE_CONCURRENCY",
            "POOL_MAX_VANISHED_PERCENT",
            "POOL_EVENTS_KEEP_DAYS",
            "TICK_INTERVAL_MS",
            "CLAIM_TIMEOUT_MS",
            "POOL_TEMPLATES_FILE",
        ];
        assert_eq!(named(&error), expected);
    }

    #[test]
    fn a_key_cannot_be_for_readers_and_operators() {
        let both = [
            ("POOL_API_KEY", "operators-0123456,both-0123456789ab"),
            ("POOL_READ_KEY", "readers-01234567,both-0123456789ab"),
        ];
        assert_eq!(named(&read(&both).unwrap_err()), ["POOL_READ_KEY"]);
        assert!(read(&[("POOL_READ_KEY", "readers-01234567")]).is_ok());
    }

    #[test]
    fn no_secret_is_shown() {
        let secret = [
            ("POOL_API_KEY", "hunter2-0123456789"),
            ("POOL_READ_KEY", "hunter3-0123456789"),
        ];
        let shown = format!("{:?}", read(&secret).unwrap());
        assert!(!shown.contains("hunter3"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
