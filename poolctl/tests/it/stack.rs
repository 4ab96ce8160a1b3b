//! The system under test: one Services on fakes of the vendors for all tests, and a Pool for each test.
//!
//! The services are hidden subcommands of the program, which exit with this process, as Postgres does. The fakes are
//! tasks of this process.

use std::path::Path;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::DatabaseUrl;
use agent_pool_service_kit::testing::fresh_database;
use agent_pool_stack::{Log, Process, Service};
use fake_cloud::{FakeCloud, Options};
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio_postgres::NoTls;

use crate::process::{Ran, run, run_with_input};

/// The key of all services; no output may contain it.
pub(crate) const KEY: &str = "hunter2-is-the-key";
/// Long enough for a machine that builds something else at the same time.
const LIMIT: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A doctor sweeps too, and asks every vendor: the test that counts orphans and lets a vendor refuse is alone meanwhile.
static SWEEPS: RwLock<()> = RwLock::new(());

/// Held by a test whose doctor asks the services.
pub(crate) fn beside_other_sweeps() -> RwLockReadGuard<'static, ()> {
    SWEEPS.read().unwrap_or_else(PoisonError::into_inner)
}

/// Held by a test that needs all sweeps for itself.
pub(crate) fn without_other_sweeps() -> RwLockWriteGuard<'static, ()> {
    SWEEPS.write().unwrap_or_else(PoisonError::into_inner)
}

/// Shared by all tests of this process.
pub(crate) struct Shared {
    pub(crate) cloud: FakeCloud,
    pub(crate) services: Process,
    pub(crate) services_database: DatabaseUrl,
    /// The settings of Services.
    pub(crate) settings: Vec<(&'static str, String)>,
    runtime: Runtime,
}

/// Starts it at the first call.
pub(crate) fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(Shared::start)
}

impl Shared {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let mut options = Options::default();
        options.railway.volumes_per_project = 1_000;
        let (cloud, database) = runtime.block_on(async {
            let cloud = FakeCloud::start(options).await.unwrap();
            let database = fresh_database(services_svc::MIGRATIONS, "services").await;
            (cloud, database.url().clone())
        });
        // Telnyx is not configured, because tests check how that is reported.
        let vendors = cloud.settings().into_iter();
        let vendors = vendors.filter(|(name, _)| !name.starts_with("TELNYX_"));
        let own = [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("POOL_API_KEY", KEY),
            ("SERVICES_DATABASE_URL", database.as_secret().expose()),
            ("LOCAL_GRANT_TTL_MS", "1"),
            ("SWEEP_GRACE_MS", "0"),
            ("SWEEP_INTERVAL_MS", "0"),
        ];
        let own = own.map(|(name, value)| (name, value.to_owned()));
        let settings: Vec<_> = vendors.chain(own).collect();
        let services = runtime.block_on(start(Service::ServicesSvc, settings.iter().cloned()));
        Self {
            cloud,
            services,
            services_database: database,
            settings,
            runtime,
        }
    }

    /// Runs a future on the threads of the fakes.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// A new database, with only the schema of pool-svc.
    pub(crate) fn pool_database(&self) -> DatabaseUrl {
        let database = self
            .runtime
            .block_on(fresh_database(pool_svc::MIGRATIONS, "pool"));
        database.url().clone()
    }
}

/// Starts a service. Its warnings are in the target folder.
async fn start(
    service: Service,
    settings: impl IntoIterator<Item = (&'static str, String)>,
) -> Process {
    let mut settings = Environment::from_iter(settings);
    settings.set("LOG", "warn");
    let program = [env!("CARGO_BIN_EXE_poolctl")];
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.log", service.name()));
    let process = Process::start(&program, service, &settings, Log::Append(log));
    process.await.unwrap()
}

/// The Pool of one test, which is killed when this is dropped.
pub(crate) struct Pool(Process);

impl Pool {
    /// One with this number of idle instances.
    pub(crate) fn warm(min_idle: u32) -> Self {
        let pool = Self::start(min_idle);
        pool.until(|counts| counts["idle"] == min_idle);
        pool
    }

    /// One that has no idle instances and creates none on its own.
    pub(crate) fn empty() -> Self {
        Self::start(0)
    }

    /// An empty one with further settings.
    pub(crate) fn with(more: &[(&'static str, &str)]) -> Self {
        Self::on(shared().services.url().as_str(), 0, more)
    }

    fn start(min_idle: u32) -> Self {
        Self::on(shared().services.url().as_str(), min_idle, &[])
    }

    /// One on another Services, with further settings.
    fn on(services: &str, min_idle: u32, more: &[(&'static str, &str)]) -> Self {
        let shared = shared();
        let database = shared.pool_database();
        let min_idle = min_idle.to_string();
        let settings = [
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("POOL_API_KEY", KEY),
            ("POOL_DATABASE_URL", database.as_secret().expose()),
            ("SERVICES_URL", services),
            ("POOL_MIN_IDLE", min_idle.as_str()),
            ("TICK_INTERVAL_MS", "250"),
        ]
        .into_iter()
        .chain(more.iter().copied())
        .map(|(name, value)| (name, value.to_owned()));
        Self(shared.runtime.block_on(start(Service::PoolSvc, settings)))
    }

    pub(crate) fn url(&self) -> &str {
        self.0.url().as_str()
    }

    /// The variables of its user.
    pub(crate) fn variables(&self) -> [(&str, &str); 3] {
        [
            ("POOL_URL", self.url()),
            ("POOL_API_KEY", KEY),
            ("SERVICES_URL", shared().services.url().as_str()),
        ]
    }

    /// Runs the program on it. Asserts that no output contains the key.
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

    /// Waits until its counts match.
    pub(crate) fn until(&self, holds: impl Fn(&Value) -> bool) {
        eventually(|| {
            let listed = self.run(&["list"]).done().json();
            holds(&listed["counts"]).then_some(()).ok_or(listed)
        });
    }
}

/// A separate Services and a Pool on it, with one idle instance, which send their traces to a collector.
pub(crate) struct Traced {
    pub(crate) pool: Pool,
    _services: Process,
}

impl Traced {
    pub(crate) fn start(collector: &str) -> Self {
        let shared = shared();
        let database = shared.block_on(fresh_database(services_svc::MIGRATIONS, "services"));
        let database = database.url().as_secret().expose().to_owned();
        let own = [
            ("SERVICES_DATABASE_URL", database),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.to_owned()),
            // Another deployment in the same accounts.
            (
                "POOL_ENVIRONMENT",
                format!("traced-{}", nanoid::nanoid!(6, &['a', 'b', 'c', 'd'])),
            ),
        ];
        let settings = shared.settings.iter().cloned().chain(own);
        let services = shared.block_on(start(Service::ServicesSvc, settings));
        let more = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector)];
        let pool = Pool::on(services.url().as_str(), 1, &more);
        pool.until(|counts| counts["idle"] == 1);
        Self {
            pool,
            _services: services,
        }
    }
}

fn without_key(ran: Ran) -> Ran {
    assert!(
        !ran.stdout.contains(KEY) && !ran.stderr.contains(KEY),
        "{ran:?}"
    );
    ran
}

/// An address at which nobody listens. Nobody else gets it while the socket exists.
pub(crate) fn nobody() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

/// Polls until the result is `Ok`.
pub(crate) fn eventually<T, E: std::fmt::Debug>(mut look: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(seen) => assert!(Instant::now() < deadline, "not within {LIMIT:?}: {seen:?}"),
        }
        let pause = async { tokio::time::sleep(LOOK_EVERY).await };
        shared().runtime.block_on(pause);
    }
}

/// Runs a statement on a database.
pub(crate) fn execute(url: &str, sql: &str) {
    query(url, sql).unwrap();
}

/// The same; the error says why it failed.
pub(crate) fn query(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    shared().runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let (done, ()) = tokio::join!(
            async {
                let done = client.batch_execute(sql).await;
                drop(client);
                done
            },
            async { drop(connection.await) },
        );
        done
    })
}
