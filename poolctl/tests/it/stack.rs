//! What the program is used on: one Services on fakes of the vendors for all tests, and a Pool for each.
//!
//! The services are this program's own hidden parts, which end when this process does, because their standard
//! input ends. So does Postgres. The fakes are threads of this process.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use agent_pool_service_kit::db::DatabaseUrl;
use agent_pool_service_kit::testing::fresh_database;
use fake_cloud::{FakeCloud, Options};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::process::{Ran, run, run_with_input};

/// The key of all services; no output may have it.
pub(crate) const KEY: &str = "hunter2-is-the-key";
/// Long enough for a machine that builds something else at the same time.
const LIMIT: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The vendors, and Services on them.
pub(crate) struct Ground {
    pub(crate) cloud: FakeCloud,
    pub(crate) services: String,
    pub(crate) services_database: DatabaseUrl,
    /// What Services is told.
    pub(crate) settings: Vec<(String, String)>,
    runtime: Runtime,
}

/// The one of this process.
pub(crate) fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(Ground::lay)
}

impl Ground {
    fn lay() -> Self {
        let runtime = Runtime::new().unwrap();
        let mut options = Options::default();
        options.railway.volumes_per_project = 1_000;
        let (cloud, database) = runtime.block_on(async {
            let cloud = FakeCloud::start(options).await.unwrap();
            let database = fresh_database(services_svc::MIGRATIONS, "services").await;
            (cloud, database.url().clone())
        });
        let mut settings = vendors(&cloud);
        settings.extend(
            [
                ("HOST", "127.0.0.1"),
                ("PORT", "0"),
                ("POOL_API_KEY", KEY),
                ("SERVICES_DATABASE_URL", database.as_secret().expose()),
                ("LOCAL_GRANT_TTL_MS", "1"),
                ("SWEEP_GRACE_MS", "0"),
                ("SWEEP_INTERVAL_MS", "0"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let services = part("services-svc", &settings);
        Self {
            cloud,
            services,
            services_database: database,
            settings,
            runtime,
        }
    }

    /// A database of its own, empty but for the schema of pool-svc.
    pub(crate) fn pool_database(&self) -> DatabaseUrl {
        let database = self
            .runtime
            .block_on(fresh_database(pool_svc::MIGRATIONS, "pool"));
        database.url().clone()
    }
}

/// What a customer of the vendors is told by them.
fn vendors(cloud: &FakeCloud) -> Vec<(String, String)> {
    let options = cloud.options();
    [
        ("INFRA_PROVIDER", "railway".to_owned()),
        ("RAILWAY_API_URL", cloud.railway_url()),
        ("RAILWAY_API_TOKEN", options.railway.tokens.account.clone()),
        ("RAILWAY_PROJECT_ID", cloud.railway_project_id()),
        ("RAILWAY_ENVIRONMENT_ID", cloud.railway_environment_id()),
        (
            "RAILWAY_RUNTIME_IMAGE",
            "ghcr.io/example/runtime:1".to_owned(),
        ),
        ("OPENROUTER_API_URL", cloud.openrouter_url()),
        (
            "OPENROUTER_MANAGEMENT_KEY",
            options.openrouter.management_keys.concat(),
        ),
        ("AGENTMAIL_API_URL", cloud.agentmail_url()),
        ("AGENTMAIL_API_KEY", options.agentmail.api_keys.concat()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Starts a part of the stack, and answers where it listens.
fn part(name: &str, settings: &[(String, String)]) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_poolctl"))
        .arg(name)
        .env_clear()
        .envs(settings.iter().cloned())
        .env("LOG", "warn")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.find_map(|line| Some(line.unwrap().strip_prefix("listening on ")?.to_owned()));
    std::mem::forget(child);
    url.unwrap_or_else(|| panic!("{name} does not start"))
}

/// A Pool of one test.
pub(crate) struct Pool {
    pub(crate) url: String,
}

impl Pool {
    /// One that keeps so many idle, once they are.
    pub(crate) fn warm(min_idle: u32) -> Self {
        let pool = Self::start(min_idle);
        pool.until(|counts| counts["idle"] == min_idle);
        pool
    }

    /// One that has none idle, and makes none by itself.
    pub(crate) fn empty() -> Self {
        Self::start(0)
    }

    fn start(min_idle: u32) -> Self {
        let ground = ground();
        let settings = [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("POOL_API_KEY", KEY),
            (
                "POOL_DATABASE_URL",
                ground.pool_database().as_secret().expose(),
            ),
            ("SERVICES_URL", &ground.services),
            ("POOL_MIN_IDLE", &min_idle.to_string()),
            ("TICK_INTERVAL_MS", "250"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            url: part("pool-svc", &settings),
        }
    }

    /// The variables of somebody who uses it.
    pub(crate) fn variables(&self) -> [(&str, &str); 3] {
        [
            ("POOL_URL", &self.url),
            ("POOL_API_KEY", KEY),
            ("SERVICES_URL", &ground().services),
        ]
    }

    /// Runs the program on it. The key is in none of its outputs, whatever it does.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        without_key(run(&self.variables(), arguments))
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        without_key(run_with_input(&self.variables(), arguments, input))
    }

    /// The ids of those in this status.
    pub(crate) fn ids(&self, status: &str) -> Vec<String> {
        let listed = self
            .run(&["list", "--status", status, "--sort", "age"])
            .done()
            .json();
        let ids = listed["instances"].as_array().unwrap().iter();
        ids.map(|it| it["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits until its counts are so.
    pub(crate) fn until(&self, holds: impl Fn(&Value) -> bool) {
        eventually(|| {
            let listed = self.run(&["list"]).done().json();
            holds(&listed["counts"]).then_some(()).ok_or(listed)
        });
    }
}

fn without_key(ran: Ran) -> Ran {
    assert!(
        !ran.stdout.contains(KEY) && !ran.stderr.contains(KEY),
        "{ran:?}"
    );
    ran
}

/// Looks until it is so.
pub(crate) fn eventually<T, E: std::fmt::Debug>(mut look: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(seen) => assert!(Instant::now() < deadline, "not within {LIMIT:?}: {seen:?}"),
        }
        let pause = async { tokio::time::sleep(LOOK_EVERY).await };
        ground().runtime.block_on(pause);
    }
}
