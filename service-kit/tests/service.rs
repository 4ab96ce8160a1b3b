//! A whole service: its port, its health, its end.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::config::{HttpDefaults, HttpSettings};
use agent_pool_service_kit::db::Db;
use agent_pool_service_kit::http_server::{Listeners, Templates};
use agent_pool_service_kit::problem::unrouted;
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::supervisor::Supervisor;
use agent_pool_service_kit::testing::{eventually, fresh_database};
use agent_pool_service_kit::{health, metrics};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use warp::Filter;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");
const SOON: Duration = Duration::from_secs(20);

/// A service in a process of its own: [`serves_until_told_to_end`].
struct Service {
    process: Child,
    /// Open until the end: a closed pipe would fail what the process prints last.
    _stdout: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Service {
    fn start(database: &str, metrics_port: u16) -> Self {
        Self::start_with(database, metrics_port, "sound")
    }

    /// With a background loop that is `sound`, or that panics.
    fn start_with(database: &str, metrics_port: u16, background: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "serves_until_told_to_end",
                "--ignored",
                "--nocapture",
            ])
            .env("PORT", "0")
            .env("POOL_API_KEY", "key")
            .env("METRICS_PORT", metrics_port.to_string())
            .env("TEST_DATABASE_URL", database)
            .env("TEST_LOOP", background)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
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

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
#[ignore = "the process that other tests of this file start"]
async fn serves_until_told_to_end() {
    let environment = Environment::of_process();
    let defaults = HttpDefaults {
        port: 1,
        prefix: "TEST_",
    };
    let settings = HttpSettings::read(&environment, defaults).unwrap();
    let url = environment.get("TEST_DATABASE_URL").unwrap().to_owned();
    let db = Db::connect(&url.try_into().unwrap(), 2);
    let keys = settings.pool_api_key.clone();
    let supervisor = Supervisor::new(Shutdown::on_signals().unwrap());
    let sound = environment.get("TEST_LOOP") == Some("sound");
    supervisor.keep("the-loop", move |shutdown| async move {
        assert!(sound, "it is not sound");
        shutdown.wait().await;
    });
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
async fn a_service_says_how_it_is() {
    let database = fresh_database(MIGRATIONS, "items").await;
    let metrics_port = free_port();
    let service = Service::start(database.url().as_secret().expose(), metrics_port);
    assert_eq!(service.get("/healthz").await, 200);
    assert_eq!(service.get("/readyz").await, 200);
    assert_eq!(service.get("/metrics").await, 401);
    assert_eq!(service.get("/nowhere").await, 404);
    let open = get(&format!("http://127.0.0.1:{metrics_port}/metrics"))
        .await
        .unwrap();
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
    let service = Service::start_with(url, free_port(), "broken");
    let mut detail = String::new();
    eventually("readyz names the task", SOON, async || {
        let answer = get(&format!("{}/readyz", service.url)).await.unwrap();
        let refused = answer.status() == 503;
        detail = answer.text().await.unwrap();
        refused
    })
    .await;
    assert!(detail.contains("task the-loop panicked"), "{detail}");
    assert!(detail.contains("it is not sound"), "{detail}");
    assert_eq!(service.get("/healthz").await, 200);
}

#[tokio::test]
async fn the_default_host_serves_ipv4_and_ipv6() {
    let service = Service::start("postgres://h/x", free_port());
    let port = service.url.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "[::1]"] {
        let answer = get(&format!("http://{host}:{port}/healthz")).await;
        assert!(answer.is_some_and(|it| it.status() == 200), "{host}");
    }
}

#[tokio::test]
async fn a_service_without_its_database_is_alive_and_not_ready() {
    let database = format!("postgres://pool:hunter2@127.0.0.1:{}/pool", free_port());
    let service = Service::start(&database, free_port());
    assert_eq!(service.get("/healthz").await, 200);
    let answer = get(&format!("{}/readyz", service.url)).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert!(!answer.text().await.unwrap().contains("hunter2"));
}

#[tokio::test]
async fn a_service_ends_well_on_either_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut service = Service::start("postgres://h/x", free_port());
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
