//! The settings of the services in the lab.

use agent_pool_core::settings::Environment;
use fake_cloud::{FakeCloud, Options, Pace};

use crate::http_proxy::{INSTANCES, SERVICES, VENDORS};

/// The environment name in the marks of the vendors' resources.
pub(crate) const ENVIRONMENT: &str = "lab";
/// When instances get their tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phases {
    /// With the instance.
    pub warm: &'static [&'static str],
    /// At the claim.
    pub claim: &'static [&'static str],
    /// On demand.
    pub demand: &'static [&'static str],
}

impl Phases {
    /// All with the instance.
    pub const WARM: Self = Self {
        warm: &["agentmail", "openrouter", "telnyx"],
        claim: &[],
        demand: &[],
    };

    /// Two at the claim.
    pub const CLAIM: Self = Self {
        warm: &["openrouter"],
        claim: &["agentmail", "telnyx"],
        demand: &[],
    };

    /// One on demand.
    pub const DEMAND: Self = Self {
        warm: &["agentmail", "openrouter"],
        claim: &[],
        demand: &["telnyx"],
    };
}
/// The key of all APIs.
pub(crate) const KEY: &str = "the-key-of-the-crash-lab";
/// Base64 of 32 bytes: secrets are sealed as they are in production.
pub(crate) const ENCRYPTION_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// How long a deployment stays in each of its stages, and how long an order is pending.
const SLOWNESS: Pace = Pace::Millis(15);

/// Intervals and limits of the services, in milliseconds, the size of the pool, and the log level.
#[derive(Debug, Clone, Copy)]
pub struct Pacing {
    /// `TICK_INTERVAL_MS`.
    pub tick: u32,
    /// `INSTANCE_LEASE_MS`.
    pub lease: u32,
    /// `POOL_WORK_LEASE_MS`.
    pub work_lease: u32,
    /// The limit of one attempt at a vendor, and of the HTTP calls of a claim.
    pub attempt: u32,
    /// `POOL_MIN_IDLE`.
    pub min_idle: u32,
    /// `POOL_MAX_TOTAL`.
    pub max_total: u32,
    /// `SHUTDOWN_TIMEOUT_MS`.
    pub shutdown: u32,
    /// `LOG`.
    pub log: &'static str,
    /// When instances get their tools.
    pub phases: Phases,
    /// Leaves intervals, leases and limits at the services' own defaults, whatever the other fields say.
    pub defaults: bool,
}

impl Pacing {
    /// Nothing happens without a request, so that every step has one cause.
    pub const QUIET: Self = Self {
        tick: 3_600_000,
        lease: 15_000,
        work_lease: 10_000,
        attempt: 10_000,
        min_idle: 0,
        max_total: 20,
        shutdown: 30_000,
        log: "info",
        phases: Phases::WARM,
        defaults: false,
    };

    /// A tick each second, and leases that expire soon after a replica has died.
    pub const LIVELY: Self = Self {
        tick: 1_000,
        lease: 5_000,
        ..Self::QUIET
    };

    /// The settings of a normal deployment.
    pub const DEFAULTS: Self = Self {
        defaults: true,
        ..Self::QUIET
    };
}

/// Sets several variables, over earlier values.
fn set(settings: &mut Environment, more: impl IntoIterator<Item = (&'static str, String)>) {
    for (name, value) in more {
        settings.set(name, value);
    }
}

/// The vendors of the lab.
pub(crate) fn cloud(seed: u64) -> Options {
    let mut options = Options {
        seed,
        ..Options::default()
    };
    options.railway.stage_pace = SLOWNESS;
    options.railway.volumes_per_project = 100;
    options.railway.domain_host = INSTANCES.to_owned();
    options.telnyx.order_pace = SLOWNESS;
    options
}

/// The settings of both services.
fn common(pacing: Pacing, proxy: String) -> Environment {
    let mut settings = Environment::from_iter([
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", "0".to_owned()),
        ("POOL_API_KEY", KEY.to_owned()),
        ("POOL_ENVIRONMENT", ENVIRONMENT.to_owned()),
        ("LOG", pacing.log.to_owned()),
        ("LOG_FORMAT", "text".to_owned()),
        ("HTTP_PROXY", proxy),
    ]);
    if !pacing.defaults {
        settings.set("SHUTDOWN_TIMEOUT_MS", pacing.shutdown.to_string());
    }
    settings
}

fn list(tools: &[&str]) -> String {
    match tools {
        [] => "none".to_owned(),
        tools => tools.join(","),
    }
}

pub(crate) fn pool(pacing: Pacing, proxy: String, database: String) -> Environment {
    let mut settings = common(pacing, proxy);
    let own = [
        ("POOL_DATABASE_URL", database),
        ("SERVICES_URL", format!("http://{SERVICES}/")),
        ("POOL_TOOLS", list(pacing.phases.warm)),
        ("POOL_CLAIM_TOOLS", list(pacing.phases.claim)),
        ("POOL_DEMAND_TOOLS", list(pacing.phases.demand)),
        ("POOL_MIN_IDLE", pacing.min_idle.to_string()),
        ("POOL_MAX_TOTAL", pacing.max_total.to_string()),
    ];
    set(&mut settings, own);
    if !pacing.defaults {
        let timeout = pacing.attempt.saturating_mul(2);
        let paced = [
            ("TICK_INTERVAL_MS", pacing.tick),
            ("POOL_WORK_LEASE_MS", pacing.work_lease),
            ("CLAIM_TIMEOUT_MS", timeout),
            ("CLAIM_LEASE_MS", pacing.lease.min(1_000)),
        ];
        set(&mut settings, paced.map(text));
    }
    settings
}

pub(crate) fn services(
    pacing: Pacing,
    proxy: String,
    database: String,
    cloud: &FakeCloud,
) -> Environment {
    let mut settings = common(pacing, proxy);
    let named = |url: String| url.replace(&cloud.authority(), VENDORS);
    let vendors = cloud.settings().into_iter();
    set(
        &mut settings,
        vendors.map(|(name, value)| (name, named(value))),
    );
    let own = [
        ("SERVICES_DATABASE_URL", database),
        ("SERVICES_ENCRYPTION_KEY", ENCRYPTION_KEY.to_owned()),
    ];
    set(&mut settings, own);
    if !pacing.defaults {
        let paced = [
            ("INSTANCE_LEASE_MS", pacing.lease),
            ("PROVIDER_TIMEOUT_MS", pacing.attempt.saturating_mul(4)),
            ("SWEEP_INTERVAL_MS", 0),
            ("SWEEP_GRACE_MS", 1),
            ("RAILWAY_SETTLE_MS", 200),
            ("TELNYX_POLL_MS", 10),
            ("TELNYX_SETTLE_MS", 200),
            ("RAILWAY_TIMEOUT_MS", pacing.attempt),
            ("OPENROUTER_TIMEOUT_MS", pacing.attempt),
            ("AGENTMAIL_TIMEOUT_MS", pacing.attempt),
            ("TELNYX_TIMEOUT_MS", pacing.attempt),
        ];
        set(&mut settings, paced.map(text));
    }
    settings
}

/// A number as the value of a variable.
fn text((name, number): (&'static str, u32)) -> (&'static str, String) {
    (name, number.to_string())
}
