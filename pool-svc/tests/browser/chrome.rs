//! A Chromium of one test, and the chromedriver that drives it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use agent_pool_core::settings::Environment;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::{ParseError, Url};

/// Maximum number of concurrent Chromiums: more would only wait for each other.
static ROOM: Semaphore = Semaphore::const_new(2);

/// The names of the Chromium binary on different systems.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const DRIVER: [&str; 1] = ["chromedriver"];

/// The screen of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    Desk,
    Phone,
}

pub(crate) struct Chrome {
    pub(crate) client: Client,
    /// It ends on drop.
    _driver: Child,
    _profile: tempfile::TempDir,
    _room: SemaphorePermit<'static>,
}

/// The paths of the two programs.
pub(crate) struct Programs {
    chromium: PathBuf,
    driver: PathBuf,
}

/// `None` without a Chromium: then the test is reported as skipped, and fails in CI.
pub(crate) fn programs() -> Option<Programs> {
    let chromium = on_path(&CHROMIUM);
    let programs = chromium.zip(on_path(&DRIVER));
    if programs.is_none() {
        skip_or_fail("no chromium and chromedriver (apt install chromium chromium-driver)");
    }
    let (chromium, driver) = programs?;
    Some(Programs { chromium, driver })
}

pub(crate) fn skip_or_fail(why: &str) {
    let environment = Environment::of_process();
    let ci = environment.get("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "{why}");
    // Not `eprintln`, whose output is hidden if the test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let environment = Environment::of_process();
    let path = environment.get("PATH").unwrap_or_default();
    let files = names
        .iter()
        .flat_map(|name| std::env::split_paths(path).map(move |folder| folder.join(name)));
    files.into_iter().find(|file| file.is_file())
}

pub(crate) async fn start(programs: &Programs, screen: Screen) -> Chrome {
    let room = ROOM.acquire().await.unwrap();
    let profile = tempfile::tempdir().unwrap();
    let (driver, url) = start_driver(&programs.driver).await;
    let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
    builder.capabilities(capabilities(&programs.chromium, screen, profile.path()));
    Chrome {
        client: builder.connect(&url).await.unwrap(),
        _driver: driver,
        _profile: profile,
        _room: room,
    }
}

/// chromedriver chooses a port that is free for IPv4, and ends if it is taken for IPv6.
async fn start_driver(program: &Path) -> (Child, String) {
    for _ in 0..5 {
        let mut driver = Command::new(program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        if let Some(url) = address(&mut driver).await {
            return (driver, url);
        }
    }
    panic!("chromedriver ended before it was listening")
}

/// The address that chromedriver reports, unless it ends.
async fn address(driver: &mut Child) -> Option<String> {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((_, port)) = line.split_once("successfully on port ") {
            let port = port.trim_end_matches('.');
            // Keep reading its output, so that it can continue to write.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(format!("http://127.0.0.1:{port}"));
        }
    }
    None
}

fn capabilities(chromium: &Path, screen: Screen, profile: &Path) -> Capabilities {
    let profile = format!("--user-data-dir={}", profile.display());
    let mut options = json!({
        "binary": chromium,
        "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--hide-scrollbars", "--no-proxy-server",
            "--window-size=1280,900", profile,
        ],
    });
    if screen == Screen::Phone {
        options["mobileEmulation"] = json!({"deviceMetrics": {"width": 390, "height": 844, "pixelRatio": 2.0, "touch": true}});
    }
    let all = json!({
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL"},
    });
    let Value::Object(all) = all else {
        unreachable!("it is written as an object")
    };
    all
}

/// A command that only chromedriver has.
#[derive(Debug)]
pub(crate) struct Vendor {
    pub(crate) path: &'static str,
    pub(crate) body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
