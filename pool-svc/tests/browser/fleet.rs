use agent_pool_core::InstanceId;
use serde_json::json;

use crate::browser::{at, with};
use crate::chrome::Screen;
use crate::proxy::Proxy;
use crate::world::World;

pub(crate) async fn many(world: &World, number: u32) {
    world
        .sql(&format!(
            "INSERT INTO instances (id, name, status, url, agent_name, created_at, last_healthy_at,
                                    claimed_at, conversation_id, invite_url, tools)
             SELECT id, 'convos-agent-' || id, status, 'https://' || id || '.agents.example/',
                    CASE WHEN status <> 'idle' THEN 'Agent ' || n END, now() - n * interval '7 min',
                    now() - n % 90 * interval '1 s', now() - n * interval '5 min', 'c', 'https://c/',
                    ARRAY['agentmail', 'openrouter']
             FROM (SELECT n, 'inst' || lpad(n::text, 8, '0') AS id,
                          CASE WHEN n % 9 = 0 THEN 'idle' WHEN n % 501 = 0 THEN 'crashed'
                               ELSE 'claimed' END AS status
                   FROM generate_series(1, {number}) n) AS made"
        ))
        .await;
    world.sql("ANALYZE instances").await;
}

#[tokio::test]
async fn the_page_follows_while_another_client_claims() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.sees(".live", "live").await;
        browser.sees("a.idle", "1").await;
        let mark = "document.body.dataset.mark = 'the same page'";
        browser.script(mark, json!([])).await;
        let row = format!("tr:has(a[href='/instances/{id}'])");
        browser
            .script(
                "document.querySelector(arguments[0]).focus()",
                json!([format!("a[href='/instances/{id}']")]),
            )
            .await;
        assert_eq!(world.claim(r#"{"agentName": "Tulip"}"#).await.status, 200);
        browser.sees(&row, "Tulip").await;
        browser.sees("a.claimed", "1").await;
        browser.find("body[data-mark='the same page']").await;
        let focus = browser
            .script("return document.activeElement.textContent", json!([]))
            .await;
        assert_eq!(focus, id.as_str(), "the focus stays on its link");
    })
    .await;
}

#[tokio::test]
async fn the_page_connects_again_and_shows_what_it_missed() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let proxy = Proxy::before(&world.url).await;
    let noise = ["net::ERR_"];
    at(&proxy.url, Screen::Desk, &noise, async |browser| {
        browser.sign_in().await;
        browser.sees(".live", "live").await;
        proxy.cut();
        browser.sees(".live", "reconnecting").await;
        assert_eq!(world.claim(r#"{"agentName": "Tulip"}"#).await.status, 200);
        proxy.mend();
        let row = format!("tr:has(a[href='/instances/{id}'])");
        browser.sees(&row, "Tulip").await;
        browser.find(".live[data-state=on]").await;
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_instances_are_searched_and_paged() {
    let world = World::new(&[("POOL_MAX_TOTAL", "20000")]).await;
    many(&world, 10_000).await;
    let wanted: InstanceId = "inst00009876".parse().unwrap();
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.sees(".pages", "1 to 50 of 10,000 instances").await;
        browser.follow("Next").await;
        browser.sees(".pages", "51 to 100 of 10,000").await;
        browser.fill("#q", "9876").await;
        browser.keys("\u{E007}").await;
        browser.sees(".pages", "1 to 1 of 1 instance").await;
        browser
            .find(&format!("a[href='/instances/{wanted}']"))
            .await;
        browser.follow("Clear").await;
        browser.press("a.crashed").await;
        browser.sees(".pages", "of 13 instances").await;
    })
    .await;
}

#[tokio::test]
async fn the_table_shows_who_is_made_from_an_old_recipe_and_which_version_runs() {
    let world = World::new(&[]).await;
    let ids = world.idle(2).await;
    let [old, new] = ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"];
    for (id, hash) in ids.iter().zip([old, new]) {
        world
            .sql(&format!(
                "UPDATE instances SET made_from = '{hash}', runs = '{{\"version\": \"1.2\"}}' WHERE id = '{id}'"
            ))
            .await;
    }
    world
        .sql(&format!(
            "INSERT INTO rollouts (pool, from_recipe, to_recipe, state)
             VALUES ('default', '{old}', '{new}', 'rolling')"
        ))
        .await;
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        for (id, word) in ids.iter().zip(["old 1.2", "current 1.2"]) {
            let row = format!("tr:has(a[href='/instances/{id}'])");
            browser.sees(&row, word).await;
        }
    })
    .await;
}
