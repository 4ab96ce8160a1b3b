//! Tests of a whole service: its port, its health, its shutdown.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead, BufReader, Lines};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::settings::Environment;
use agent_pool_service_kit::config::{HttpDefaults, HttpSettings};
use agent_pool_service_kit::db::Db;
use agent_pool_service_kit::http_server::{Listeners, Templates};
use agent_pool_service_kit::problem::unrouted;
use agent_pool_service_kit::shutdown::{LeftBehind, Shutdown, ignores_hangup};
use agent_pool_service_kit::supervisor::{Supervisor, install_panic_hook};
use agent_pool_service_kit::testing::{eventually, fresh_database};
use agent_pool_service_kit::{health, metrics, trace};
use diesel_async::SimpleAsyncConnection;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use warp::Filter;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");
const SOON: Duration = Duration::from_secs(20);
const KEY: &str = "a-key-of-16-characters";

/// A service in a process of its own: [`serves_until_told_to_end`].
struct Service {
    process: Child,
    /// Kept open until the end, because a closed pipe would fail the last output of the process.
    _stdout: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Service {
    fn start(database: &str) -> Self {
        Self::start_with(database, "sound")
    }

    /// With a background loop that is `sound`, or that panics.
    fn start_with(database: &str, background: &str) -> Self {
        Self::start_logging_to(database, background, Stdio::inherit())
    }

    fn start_logging_to(database: &str, background: &str, stderr: Stdio) -> Self {
        Self::spawn(&mut Self::command(database, background, stderr))
    }

    /// On this host, with its metrics on this port.
    fn start_with_metrics_on(database: &str, metrics: SocketAddr) -> Self {
        let mut command = Self::command(database, "sound", Stdio::inherit());
        let host = metrics.ip().to_string();
        command.env("METRICS_PORT", metrics.port().to_string());
        let mut service = Self::spawn(command.env("HOST", &host));
        service.url = service.url.replace("127.0.0.1", &host);
        service
    }

    fn command(database: &str, background: &str, stderr: Stdio) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "serves_until_told_to_end",
                "--ignored",
                "--nocapture",
            ])
            .env("PORT", "0")
            .env("POOL_API_KEY", KEY)
            .env_remove("HOST")
            .env_remove("METRICS_PORT")
            .env("TEST_DATABASE_URL", database)
            .env("TEST_LOOP", background)
            .stdout(Stdio::piped())
            .stderr(stderr);
        command
    }

    fn spawn(command: &mut Command) -> Self {
        let mut process = command.spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = stdout
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("listening on ")?.1.to_owned()))
            .expect("it says where it listens");
        Self {
            process,
            _stdout: stdout,
            url,
        }
    }

    async fn get(&self, path: &str) -> u16 {
        get(&format!("{}{path}", self.url))
            .await
            .map_or(0, |answer| answer.status().as_u16())
    }

    /// The answer of `/readyz`, which is asked again while the database takes longer than the second that it has.
    async fn readiness(&self) -> (u16, String) {
        let mut readiness = (0, String::new());
        eventually("the database answers in time", SOON, async || {
            let answer = get(&format!("{}/readyz", self.url)).await.unwrap();
            readiness = (answer.status().as_u16(), answer.text().await.unwrap());
            !readiness.1.contains("the database does not answer")
        })
        .await;
        readiness
    }

    /// The number of log lines that it has lost.
    async fn lost_lines(&self) -> u64 {
        let client = agent_pool_core::http::bare_builder()
            .no_proxy()
            .build()
            .unwrap();
        let request = client.get(format!("{}/metrics", self.url)).bearer_auth(KEY);
        let text = request.send().await.unwrap().text().await.unwrap();
        let mut lines = text.lines();
        let lost = lines.find_map(|line| line.strip_prefix("agent_pool_log_lines_lost_total "));
        lost.map_or(0, |lost| lost.parse().unwrap())
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn get(url: &str) -> Option<reqwest::Response> {
    let client = agent_pool_core::http::bare_builder()
        .no_proxy()
        .build()
        .unwrap();
    client.get(url).send().await.ok()
}

/// An address that nobody else takes before a service listens on it, because all others use 127.0.0.1.
fn own_address() -> SocketAddr {
    let id = InstanceId::generate();
    let random = id.as_str().as_bytes();
    let host = Ipv4Addr::new(127, random[0], random[1], random[2]);
    let free = TcpListener::bind((host, 0)).unwrap();
    free.local_addr().unwrap()
}

#[tokio::test]
#[ignore = "the process that other tests of this file start"]
async fn serves_until_told_to_end() {
    let environment = Environment::of_process();
    let defaults = HttpDefaults {
        port: 1,
        prefix: "TEST_",
    };
    let log = agent_pool_core::settings::read("", &Environment::from_iter([("LOG", "debug")]));
    trace::init(&log.unwrap(), "test").unwrap();
    install_panic_hook();
    let settings = HttpSettings::read(&environment, defaults).unwrap();
    let url = environment.get("TEST_DATABASE_URL").unwrap().to_owned();
    let db = Db::connect(&url.try_into().unwrap(), 2);
    let keys = settings.pool_api_key.clone();
    let left_behind = LeftBehind::default();
    let shutdown = Shutdown::on_signals(left_behind.clone()).unwrap();
    let supervisor = Supervisor::new(shutdown);
    let running = supervisor.clone();
    left_behind.describe_by(move || running.describe_running());
    let sound = environment.get("TEST_LOOP") != Some("broken");
    supervisor.keep("the-loop", move |shutdown| async move {
        assert!(sound, "it is not sound");
        shutdown.wait().await;
    });
    let endless = std::future::pending::<()>();
    if environment.get("TEST_LOOP") == Some("endless") {
        drop(supervisor.spawn("endless-job", endless));
    }
    let routes = health::probes(db, keys, metrics::install(), supervisor.clone())
        .recover(unrouted)
        .unify();
    let listeners = Listeners::bind(&settings).await.unwrap();
    listeners
        .serve(routes, Templates::new(&[]), &supervisor)
        .await;
    assert!(supervisor.finish(SOON).await.is_empty());
}

#[tokio::test]
async fn health_routes_report_the_state() {
    let database = fresh_database(MIGRATIONS, "items").await;
    let metrics = own_address();
    let url = database.url().as_secret().expose();
    let service = Service::start_with_metrics_on(url, metrics);
    assert_eq!(service.get("/healthz").await, 200);
    assert_eq!(service.readiness().await.0, 200);
    assert_eq!(service.get("/metrics").await, 401);
    assert_eq!(service.get("/nowhere").await, 404);
    let open = get(&format!("http://{metrics}/metrics")).await.unwrap();
    assert!(
        open.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    let text = open.text().await.unwrap();
    assert!(
        text.contains("route=\"/readyz\",method=\"GET\",status=\"200\""),
        "{text}"
    );
}

#[tokio::test]
async fn a_background_task_that_keeps_failing_shows_in_readyz() {
    let database = fresh_database(MIGRATIONS, "items").await;
    let url = database.url().as_secret().expose();
    let service = Service::start_with(url, "broken");
    let mut detail = String::new();
    eventually("readyz names the task", SOON, async || {
        let (status, said) = service.readiness().await;
        detail = said;
        status == 503
    })
    .await;
    assert!(detail.contains("task the-loop panicked"), "{detail}");
    assert!(detail.contains("it is not sound"), "{detail}");
    assert_eq!(service.get("/healthz").await, 200);
}

/// `/dev/full` refuses each write as a full disk does; a closed pipe is a log reader that has exited; a pipe that
/// nobody reads fills up.
#[tokio::test]
async fn a_log_that_cannot_be_written_fails_and_delays_nothing() {
    let full = || Stdio::from(std::fs::File::create("/dev/full").unwrap());
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    for (kind, stderr) in [("full", full()), ("closed", closed())] {
        let service = Service::start_logging_to("postgres://h/x", "broken", stderr);
        for _ in 0..5 {
            assert_eq!(service.get("/healthz").await, 200, "{kind}");
        }
        eventually("lost lines are counted", SOON, async || {
            service.lost_lines().await >= 5
        })
        .await;
    }
    let (reader, writer) = std::io::pipe().unwrap();
    let service = Service::start_logging_to("postgres://h/x", "sound", Stdio::from(writer));
    let client = agent_pool_core::http::bare_builder()
        .no_proxy()
        .build()
        .unwrap();
    for _ in 0..1000 {
        let answer = client.get(format!("{}/healthz", service.url)).send();
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    drop(reader);
}

#[tokio::test]
async fn a_second_ctrl_c_ends_at_once_and_says_what_is_left() {
    let (reader, writer) = std::io::pipe().unwrap();
    let url = "postgres://h/x";
    let mut service = Service::start_logging_to(url, "endless", Stdio::from(writer));
    service.signal(Signal::SIGINT);
    let mut status = None;
    eventually("the process ends", SOON, async || {
        // Signals within 0.3 s count as one.
        tokio::time::sleep(Duration::from_millis(100)).await;
        service.signal(Signal::SIGINT);
        status = service.process.try_wait().unwrap();
        status.is_some()
    })
    .await;
    assert_eq!(status.and_then(|status| status.code()), Some(130));
    let log: Vec<_> = BufReader::new(reader)
        .lines()
        .map_while(Result::ok)
        .collect();
    assert!(
        log.iter()
            .any(|line| line.contains("Aborted: 1 of endless-job")),
        "{log:?}"
    );
}

#[tokio::test]
async fn the_default_host_serves_ipv4_and_ipv6() {
    let service = Service::start("postgres://h/x");
    let port = service.url.rsplit(':').next().unwrap();
    let mut hosts = vec!["127.0.0.1"];
    // A machine without IPv6 is served on IPv4 alone.
    if TcpListener::bind("[::1]:0").is_ok() {
        hosts.push("[::1]");
    }
    for host in hosts {
        let answer = get(&format!("http://{host}:{port}/healthz")).await;
        assert!(answer.is_some_and(|it| it.status() == 200), "{host}");
    }
}

#[tokio::test]
async fn a_service_is_not_ready_while_its_database_takes_no_writes() {
    let database = fresh_database(MIGRATIONS, "items").await;
    let url = database.url().as_secret().expose();
    let name = url.rsplit_once('/').unwrap().1;
    let alter = async |change: &str| {
        let mut conn = database.db().conn().await.unwrap();
        let alter = format!("BEGIN READ WRITE; ALTER DATABASE {name} {change}; COMMIT");
        conn.batch_execute(&alter).await.unwrap();
    };
    alter("SET default_transaction_read_only = on").await;
    let service = Service::start(url);
    let (status, detail) = service.readiness().await;
    assert_eq!(status, 503);
    assert!(detail.contains("accepts no writes"), "{detail}");
    alter("RESET ALL").await;
    // Its session was read-only from its start: only a new session can write.
    assert_eq!(service.readiness().await.0, 200);
}

#[tokio::test]
async fn a_service_without_its_database_is_alive_and_not_ready() {
    // Bound and not listening: it refuses connections, and nobody else gets the port.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed_at = closed.local_addr().unwrap();
    let service = Service::start(&format!("postgres://pool:hunter2@{closed_at}/pool"));
    assert_eq!(service.get("/healthz").await, 200);
    let answer = get(&format!("{}/readyz", service.url)).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert!(!answer.text().await.unwrap().contains("hunter2"));
}

#[tokio::test]
async fn head_is_answered_as_get_is_without_a_body() {
    let service = Service::start("postgres://h/x");
    assert_eq!(service.get("/healthz").await, 200);
    for (path, status) in [("/healthz", 200), ("/readyz", 503)] {
        let client = agent_pool_core::http::bare_builder().no_proxy().build();
        let request = client.unwrap().head(format!("{}{path}", service.url));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert!(answer.text().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn each_signal_ends_a_service_with_success() {
    let mut signals = vec![Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT];
    // If these tests were started with `nohup`, so are the processes that they start.
    if !ignores_hangup() {
        signals.push(Signal::SIGHUP);
    }
    for signal in signals {
        let mut service = Service::start("postgres://h/x");
        for harmless in [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGALRM] {
            service.signal(harmless);
            assert_eq!(service.get("/healthz").await, 200, "{harmless}");
        }
        service.signal(signal);
        let mut status = None;
        eventually("the process ends", SOON, async || {
            status = service.process.try_wait().unwrap();
            status.is_some()
        })
        .await;
        assert!(
            status.is_some_and(|status| status.success()),
            "{signal}: {status:?}"
        );
    }
}
