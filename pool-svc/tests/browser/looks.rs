//! What every page looks like, to eyes and to tools: pictures on request, and axe-core.

use std::path::Path;

use agent_pool_core::settings::Environment;
use serde_json::{Value, json};

use crate::browser::{Browser, with};
use crate::chrome::Screen;
use crate::fleet::many;
use crate::world::World;

/// Each page, and what its picture is called.
const PAGES: [(&str, &str); 6] = [
    ("sign-in", "/sign-in"),
    ("fleet", "/"),
    ("claim", "/claim?template=trip-planner"),
    ("invite", "/instances/INSTANCE/invite"),
    ("instance", "/instances/INSTANCE"),
    ("kill", "/instances/INSTANCE/kill"),
];

/// A fleet with a life behind it; one claimed instance of it that Services knows.
async fn world() -> (World, String) {
    let world = World::new(&[]).await;
    many(&world, 240).await;
    world
        .sql("UPDATE instances SET created_at = created_at - interval '1 day'")
        .await;
    let id = world.idle(1).await.remove(0);
    world
        .sql(&format!("UPDATE instances SET created_at = now() - interval '3 days', tools = '{{agentmail,openrouter,telnyx}}' WHERE id = '{id}'"))
        .await;
    let claimed = world
        .claim(r#"{"agentName": "Tulip", "instructions": "Be kind."}"#)
        .await;
    assert_eq!(claimed.body["instanceId"], id.as_str());
    world
        .sql(&format!(
            "INSERT INTO instance_events (instance_id, from_status, to_status, cause, at) VALUES
             ('{id}', NULL, 'starting', 'warm_up', now() - interval '70 min'),
             ('{id}', 'starting', 'idle', 'healthy', now() - interval '69 min')"
        ))
        .await;
    (world, id.to_string())
}

#[tokio::test]
async fn every_page_is_accessible_in_light_and_in_dark() {
    let Some(axe) = axe() else { return };
    let (world, id) = world().await;
    with(&world, Screen::Desk, &[], async |browser| {
        browser.open("/sign-in").await;
        assert_accessible(browser, &axe, "/sign-in").await;
        browser.sign_in().await;
        for (_, path) in &PAGES[1..] {
            let path = path.replace("INSTANCE", &id);
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
async fn every_page_is_accessible_on_a_phone() {
    let Some(axe) = axe() else { return };
    let (world, id) = world().await;
    with(&world, Screen::Phone, &[], async |browser| {
        browser.sign_in().await;
        for (_, path) in &PAGES[1..] {
            let path = path.replace("INSTANCE", &id);
            browser.open(&path).await;
            assert_accessible(browser, &axe, &path).await;
        }
    })
    .await;
}

/// The text of axe-core. Says so loudly where it is not there, and fails in CI.
fn axe() -> Option<String> {
    let file = "tests/browser/node_modules/axe-core/axe.min.js";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(file).ok();
    if text.is_none() {
        let skipped = "SKIPPED: no axe-core (npm ci --prefix pool-svc/tests/browser)";
        let ci = Environment::of_process()
            .get("CI")
            .is_some_and(|ci| ci == "true");
        assert!(!ci, "{skipped}");
        eprintln!("{skipped}");
    }
    text
}

async fn assert_accessible(browser: &Browser<'_>, axe: &str, what: &str) {
    browser.script(axe, json!([])).await;
    let run = "const done = arguments[0];
        axe.run().then(found => done(found.violations.map(it =>
            [it.impact, it.id, it.help, it.nodes.map(node => node.html + ' ' + node.failureSummary)])))";
    let found = browser.script_async(run, json!([])).await;
    assert_eq!(found, Value::Array(Vec::new()), "{what}: {found:#}");
}

/// With `UPDATE=1`: writes `docs/screenshots`.
#[tokio::test]
async fn pictures_are_taken_on_request() {
    if Environment::of_process().get("UPDATE").is_none() {
        return;
    }
    let (world, id) = world().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    with(&world, Screen::Desk, &[], async |browser| {
        let save = async |name: &str| {
            std::fs::write(folder.join(format!("{name}.png")), browser.picture().await).unwrap();
        };
        browser.open("/sign-in").await;
        save("sign-in").await;
        browser.sign_in().await;
        for (name, path) in &PAGES[1..] {
            browser.light().await;
            browser.open(&path.replace("INSTANCE", &id)).await;
            browser.find("h1").await;
            save(name).await;
        }
        browser.dark().await;
        browser.open("/").await;
        browser.sees(".live", "live").await;
        save("fleet-dark").await;
    })
    .await;
    with(&world, Screen::Phone, &[], async |browser| {
        browser.sign_in().await;
        browser.sees(".live", "live").await;
        std::fs::write(folder.join("fleet-phone.png"), browser.picture().await).unwrap();
        browser.open(&format!("/instances/{id}/invite")).await;
        std::fs::write(folder.join("invite-phone.png"), browser.picture().await).unwrap();
    })
    .await;
}
