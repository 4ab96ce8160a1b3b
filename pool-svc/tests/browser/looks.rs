//! What every page looks like, to eyes and to tools: pictures on request, and axe-core.

use std::path::Path;

use agent_pool_core::settings::Environment;
use serde_json::{Value, json};

use crate::browser::{Browser, with};
use crate::chrome::Screen;
use crate::fake::answers;
use crate::fleet::many;
use crate::world::World;

/// Each page, and what its picture is called.
const PAGES: [(&str, &str); 8] = [
    ("sign-in", "/sign-in"),
    ("fleet", "/"),
    ("claim", "/claim?template=trip-planner"),
    ("invite", "/instances/INSTANCE/invite"),
    ("instance", "/instances/INSTANCE"),
    ("kill", "/instances/INSTANCE/kill"),
    ("over-time", "/over-time"),
    ("providers", "/providers"),
];

/// A fleet with a life behind it; one claimed instance of it that Services knows.
async fn world() -> (World, String) {
    let world = World::new(&[("POOL_MIN_IDLE", "25"), ("POOL_MAX_TOTAL", "400")]).await;
    many(&world, 240).await;
    let id = world.idle(1).await.remove(0);
    world
        .sql(&format!(
            "UPDATE instances SET created_at = now() - interval '3 days' WHERE id = '{id}'"
        ))
        .await;
    let claimed = world
        .claim(r#"{"agentName": "Tulip", "instructions": "Be kind."}"#)
        .await;
    assert_eq!(claimed.body["instanceId"], id.as_str());
    for statement in [
        "UPDATE instances SET status = 'starting', agent_name = NULL, tools = NULL, url = NULL,
                last_healthy_at = NULL, lease_expires_at = now() + interval '1 h'
         WHERE id IN ('inst00000001', 'inst00000002')",
        "UPDATE instances SET status = 'crashed' WHERE id IN ('inst00000007', 'inst00000130')",
        "UPDATE instances SET status = 'destroying', lease_expires_at = now() + interval '1 h'
         WHERE id = 'inst00000011'",
        "UPDATE instances SET agent_name = (ARRAY['Trip Planner', 'Basil', 'Meal Planner', 'Study Partner',
                'Nightjar', 'Club Organiser', 'First Reader'])[1 + substr(id, 5)::int % 7]
         WHERE agent_name LIKE 'Agent %'",
        &format!(
            "UPDATE instances SET tools = '{{agentmail,openrouter,telnyx}}',
                    created_at = now() - interval '70 min' WHERE id = '{id}'"
        ),
        &format!(
            "INSERT INTO instance_events (id, instance_id, from_status, to_status, cause, at) VALUES
             (-1, '{id}', NULL, 'starting', 'warm_up', now() - interval '70 min'),
             (0, '{id}', 'starting', 'idle', 'healthy', now() - interval '69 min')"
        ),
        // A day of claims: each instance was warm after some 40 s, and claimed within about a second.
        "INSERT INTO instance_events (instance_id, from_status, to_status, cause, at)
         SELECT 'h' || n, from_status, to_status, cause, now() - n * interval '3 min' + age
         FROM generate_series(1, 470) n,
              LATERAL (SELECT interval '1 s' * (25 + 22 * abs(sin(n / 31.0)) + n * 37 % 11) AS warm,
                              interval '1 s' * (0.6 + 0.5 * abs(cos(n / 17.0)) + n * 53 % 7 * 0.12) AS took,
                              interval '1 min' * (12 + 9 * sin(n / 40.0)) AS idle) AS times,
              LATERAL (VALUES (NULL, 'starting', 'warm_up', interval '0'), ('starting', 'idle', 'healthy', warm),
                              ('idle', 'claiming', 'claim', warm + idle),
                              ('claiming', 'claimed', 'provisioned', warm + idle + took),
                              ('claimed', 'destroying', 'killed', warm + idle + took + interval '5 h'))
                  AS moves (from_status, to_status, cause, age)
         WHERE now() - n * interval '3 min' + age < now()
         ORDER BY n DESC, age",
    ] {
        world.sql(statement).await;
    }
    world.fake.state().swept = Some(answers::sweep_report(false));
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
