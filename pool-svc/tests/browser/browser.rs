//! A browser, as a person uses it.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use fantoccini::Locator;
use fantoccini::elements::Element;
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::chrome::{self, Chrome, Screen, Vendor};
use crate::fake::KEY;
use crate::world::World;

/// How long a page may take to show something. The machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Browser<'a> {
    chrome: &'a Chrome,
    base: String,
}

/// Runs `test` in a Chromium, which is closed in any case. Afterwards the console must have no errors and no
/// policy violations except the `expected` ones.
pub(crate) async fn with(
    world: &World,
    screen: Screen,
    expected: &[&str],
    test: impl AsyncFnOnce(&Browser<'_>),
) {
    at(&world.url, screen, expected, test).await;
    world.fake.assert_nothing_unexpected();
}

/// The same for any site.
pub(crate) async fn at(
    base: &str,
    screen: Screen,
    expected: &[&str],
    test: impl AsyncFnOnce(&Browser<'_>),
) {
    let Some(programs) = chrome::programs() else {
        return;
    };
    let chrome = chrome::start(&programs, screen).await;
    let browser = Browser {
        chrome: &chrome,
        base: base.to_owned(),
    };
    let checked = async {
        test(&browser).await;
        browser.assert_quiet(expected).await;
    };
    let outcome = AssertUnwindSafe(checked).catch_unwind().await;
    let closed = chrome.client.clone().close().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
    closed.unwrap();
}

impl Browser<'_> {
    pub(crate) async fn open(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.chrome.client.goto(&url).await.unwrap();
    }

    pub(crate) async fn sign_in(&self) {
        self.open("/sign-in").await;
        self.fill("#key", KEY).await;
        self.press("button[type=submit]").await;
        self.sees("h1", "Fleet").await;
    }

    /// Waits for an element.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let wait = self.chrome.client.wait().at_most(PATIENCE);
        let found = wait.for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => panic!(
                "{css} is not on the page: {error}\n{}",
                self.text("body").await
            ),
        }
    }

    /// The visible text of an element; empty while the element is being replaced.
    pub(crate) async fn text(&self, css: &str) -> String {
        let script = "return [...document.querySelectorAll(arguments[0])].map(it => it.innerText).join('\\n')";
        let text = self.script(script, json!([css])).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an element contains this text.
    pub(crate) async fn sees(&self, css: &str, text: &str) {
        let within = tokio::time::timeout(PATIENCE, async {
            while !self.text(css).await.contains(text) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        if within.await.is_err() {
            panic!("{css} does not say {text:?}: {}", self.text("body").await);
        }
    }

    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(crate) async fn press(&self, css: &str) {
        // The script of a live page may replace the element once it is found.
        while let Err(error) = self.find(css).await.click().await {
            assert!(error.is_stale_element_reference(), "{css}: {error}");
        }
    }

    /// Presses the link with this text.
    pub(crate) async fn follow(&self, text: &str) {
        loop {
            let wait = self.chrome.client.wait().at_most(PATIENCE);
            let link = wait.for_element(Locator::LinkText(text)).await.unwrap();
            match link.click().await {
                Ok(()) => return,
                Err(error) => assert!(error.is_stale_element_reference(), "{text}: {error}"),
            }
        }
    }

    /// Types into the focused element.
    pub(crate) async fn keys(&self, keys: &str) {
        let active = self.chrome.client.active_element().await.unwrap();
        active.send_keys(keys).await.unwrap();
    }

    /// The text of the focused element.
    pub(crate) async fn focus(&self) -> String {
        let script =
            "const it = document.activeElement; return it.labels?.[0]?.innerText ?? it.innerText";
        let text = self.script(script, json!([])).await;
        text.as_str().unwrap_or_default().trim().to_owned()
    }

    /// Presses Tab until an element with this text has the focus.
    pub(crate) async fn tab_to(&self, text: &str) {
        for _ in 0..40 {
            self.keys("\u{E004}").await;
            if self.focus().await.starts_with(text) {
                return;
            }
        }
        panic!("the keyboard does not lead to {text:?}");
    }

    pub(crate) async fn path(&self) -> String {
        let url = self.chrome.client.current_url().await.unwrap();
        url.path().to_owned()
    }

    pub(crate) async fn script(&self, script: &str, arguments: Value) -> Value {
        let Value::Array(arguments) = arguments else {
            panic!("arguments are an array")
        };
        self.chrome.client.execute(script, arguments).await.unwrap()
    }

    pub(crate) async fn script_async(&self, script: &str, arguments: Value) -> Value {
        let Value::Array(arguments) = arguments else {
            panic!("arguments are an array")
        };
        let answer = self.chrome.client.execute_async(script, arguments).await;
        answer.unwrap()
    }

    /// Sends a command of the Chrome debugging protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({"cmd": command, "params": parameters});
        let path = "goog/cdp/execute";
        self.chrome
            .client
            .issue_cmd(Vendor { path, body })
            .await
            .unwrap();
    }

    pub(crate) async fn without_script(&self) {
        let off = json!({"value": true});
        self.devtools("Emulation.setScriptExecutionDisabled", off)
            .await;
    }

    pub(crate) async fn dark(&self) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    pub(crate) async fn light(&self) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": "light"}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Sets the width of a desktop screen.
    pub(crate) async fn screen(&self, height: u32) {
        let desk =
            json!({"width": 1280, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", desk)
            .await;
    }

    pub(crate) async fn picture(&self) -> Vec<u8> {
        self.chrome.client.screenshot().await.unwrap()
    }

    /// Asserts that the console has no unexpected messages.
    async fn assert_quiet(&self, expected: &[&str]) {
        let body = json!({"type": "browser"});
        let output = self
            .chrome
            .client
            .issue_cmd(Vendor {
                path: "se/log",
                body,
            })
            .await;
        let output = output.unwrap();
        let wrong: Vec<_> = output
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["level"] == "SEVERE" || line["source"] == "security")
            .filter_map(|line| line["message"].as_str())
            .filter(|message| !expected.iter().any(|part| message.contains(part)))
            .collect();
        assert!(wrong.is_empty(), "the console says: {wrong:#?}");
    }
}
