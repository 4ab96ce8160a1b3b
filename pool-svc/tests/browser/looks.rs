//! The appearance of every page: accessibility, widths, and pictures on request.

use std::path::PathBuf;

use agent_pool_core::settings::Environment;
use serde_json::json;

use crate::axe::{assert_accessible, axe};
use crate::browser::{Browser, with};
use crate::chrome::Screen;
use crate::life::{TULIP, world};

/// Each page: the name of its picture, its path, and the height of its picture.
const PAGES: [(&str, &str, u32); 20] = [
    ("fleet", "/", 780),
    ("nothing-found", "/?q=nothing+like+it", 500),
    ("replenish", "/replenish", 420),
    ("drain", "/drain", 420),
    ("claim", "/claim?template=trip-planner", 1_000),
    ("invite", "/instances/INSTANCE/invite", 480),
    ("instance", "/instances/INSTANCE", 780),
    ("logs", "/instances/INSTANCE/logs", 420),
    ("kill", "/instances/INSTANCE/kill", 360),
    ("over-time", "/over-time", 980),
    ("over-a-week", "/over-time?range=week", 980),
    ("events", "/events", 780),
    ("pools", "/pools", 460),
    ("pool", "/pools/research", 1_100),
    (
        "simulation",
        "/pools/default/simulation?hitRate=99%25&days=1",
        780,
    ),
    ("costs", "/costs", 980),
    ("webhooks", "/webhooks", 980),
    ("providers", "/providers", 960),
    (
        "orphan",
        "/providers/orphans?provider=agentmail&resource=inbox",
        420,
    ),
    ("not-found", "/instances/neverthere00", 420),
];

/// The stored pictures. Dark and small ones are stored only of the pages that differ most.
const KEPT: [&str; 20] = [
    "sign-in",
    "fleet",
    "fleet-dark",
    "fleet-phone",
    "claim",
    "claiming",
    "invite",
    "invite-phone",
    "instance",
    "instance-dark",
    "kill",
    "over-time",
    "over-time-dark",
    "over-time-phone",
    "pools",
    "pool",
    "simulation",
    "costs",
    "webhooks",
    "providers",
];

/// The words in tables that are on two lines, unless they have places to break.
const BROKEN_WORDS: &str = r"
    const broken = [], range = document.createRange();
    for (const cell of document.querySelectorAll('.table td')) {
        const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const text = texts.currentNode;
            for (const word of text.data.matchAll(/[^\s-]+/g)) {
                range.setStart(text, word.index);
                range.setEnd(text, word.index + word[0].length);
                const lines = new Set([...range.getClientRects()].map(line => Math.round(line.top)));
                if (lines.size > 1) broken.push(word[0]);
            }
        }
    }
    return broken;";

fn pages() -> impl Iterator<Item = (&'static str, String, u32)> {
    let page = |(name, path, height): (_, &str, _)| (name, path.replace("INSTANCE", TULIP), height);
    PAGES.into_iter().map(page)
}

#[tokio::test]
async fn every_page_is_accessible_in_light_and_in_dark() {
    let Some(axe) = axe() else { return };
    let world = world().await;
    with(&world, Screen::Desk, &["status of 404"], async |browser| {
        browser.open("/sign-in").await;
        assert_accessible(browser, &axe, "/sign-in").await;
        browser.sign_in().await;
        for (_, path, _) in pages() {
            browser.light().await;
            browser.open(&path).await;
            assert_accessible(browser, &axe, &path).await;
            browser.dark().await;
            assert_accessible(browser, &axe, &format!("{path} in the dark")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn on_a_phone_every_page_is_accessible_and_as_wide_as_the_screen() {
    let Some(axe) = axe() else { return };
    let world = world().await;
    with(&world, Screen::Phone, &["status of 404"], async |browser| {
        browser.sign_in().await;
        for (_, path, _) in pages() {
            browser.open(&path).await;
            browser.find("h1").await;
            assert_accessible(browser, &axe, &path).await;
            let script = "return [document.documentElement.scrollWidth, innerWidth]";
            let widths = browser.script(script, json!([])).await;
            assert_eq!(widths[0], widths[1], "{path} is wider than the screen");
            let broken = browser.script(BROKEN_WORDS, json!([])).await;
            assert_eq!(broken, json!([]), "words of tables on {path} are broken");
        }
    })
    .await;
}

/// With `UPDATE=1`, writes the stored pictures to `docs/screenshots`; with `UPDATE=/a/folder`, all to that folder.
#[tokio::test]
async fn pictures_are_taken_on_request() {
    let environment = Environment::of_process();
    let Some(folder) = environment.get("UPDATE") else {
        return;
    };
    let all = folder != "1";
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/screenshots");
    let album = Album {
        folder: PathBuf::from(if all { folder } else { kept }),
        all,
    };
    std::fs::create_dir_all(&album.folder).unwrap();
    let world = world().await;
    with(&world, Screen::Desk, &["status of 404"], async |browser| {
        browser.open("/sign-in").await;
        album.take(browser, "sign-in", Some(560)).await;
        browser.sign_in().await;
        for (name, path, height) in pages() {
            browser.light().await;
            browser.open(&path).await;
            album.take(browser, name, Some(height)).await;
            browser.dark().await;
            album
                .take(browser, &format!("{name}-dark"), Some(height))
                .await;
        }
    })
    .await;
    with(&world, Screen::Phone, &["status of 404"], async |browser| {
        browser.sign_in().await;
        for (name, path, _) in pages() {
            browser.open(&path).await;
            album.take(browser, &format!("{name}-phone"), None).await;
        }
    })
    .await;
    album.claiming().await;
}

struct Album {
    folder: PathBuf,
    all: bool,
}

impl Album {
    /// On a desk's screen of this height, or on a phone.
    async fn take(&self, browser: &Browser<'_>, name: &str, height: Option<u32>) {
        if !self.all && !KEPT.contains(&name) {
            return;
        }
        browser.find("h1").await;
        let live = "return document.querySelector('[data-live]') !== null";
        if browser.script(live, json!([])).await == true {
            browser.sees(".live", "live").await;
        }
        if let Some(height) = height {
            browser.screen(height).await;
        }
        self.save(browser, name).await;
    }

    async fn save(&self, browser: &Browser<'_>, name: &str) {
        let file = self.folder.join(format!("{name}.png"));
        std::fs::write(file, browser.picture().await).unwrap();
        if self.all {
            let html = "return document.documentElement.outerHTML";
            let html = browser.script(html, json!([])).await;
            let file = self.folder.join(format!("{name}.html"));
            std::fs::write(file, html.as_str().unwrap_or_default()).unwrap();
        }
    }

    /// A claim in progress.
    async fn claiming(&self) {
        use crate::fake::{Fault, Op};
        let world = crate::world::World::new(&[("POOL_ENVIRONMENT", "staging")]).await;
        world.idle(1).await;
        with(&world, Screen::Desk, &[], async |browser| {
            browser.sign_in().await;
            browser.open("/claim?template=trip-planner").await;
            world.fake.fail(Op::Provision, Fault::Hang);
            browser.press("#claim button[type=submit]").await;
            browser
                .find("[data-step=provisioned][data-state=now]")
                .await;
            browser.screen(460).await;
            self.save(browser, "claiming").await;
            world.asked(Op::Provision, 1).await;
            world.fake.resume();
            browser.sees("h1", "is ready").await;
        })
        .await;
    }
}
