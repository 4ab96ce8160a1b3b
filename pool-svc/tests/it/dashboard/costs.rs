//! The costs page, the limits of an agent, guards of a pool, and protection.

use agent_pool_core::InstanceId;
use serde_json::json;

use super::Person;
use crate::world::World;

#[tokio::test]
async fn the_costs_page_shows_what_was_charged_with_a_chart() {
    let world = World::new(&[]).await;
    world
        .sql(
            "INSERT INTO cost_ledger (day, instance_id, resource, spent_on, kind, pool, micros)
             SELECT (now() AT TIME ZONE 'UTC')::date, 'k3v9x0a1b2c3', 'railway', 'agent', 'time', 'default', 2500000",
        )
        .await;
    let page = Person::operator(&world).await.get("/costs").await;
    assert_eq!(page.status, 200);
    for part in ["$2.50", "railway", "/instances/k3v9x0a1b2c3", "<svg"] {
        assert!(page.has(part), "{part}: {}", page.html);
    }
}

#[tokio::test]
async fn an_operator_changes_the_limit_of_an_agent_and_protects_it() {
    let world = World::new(&[]).await;
    let id = InstanceId::generate();
    world.fake.add(&id);
    world.insert(&id, "claimed", "NULL").await;
    world
        .sql("UPDATE instances SET tools = '{openrouter}'")
        .await;
    let person = Person::operator(&world).await;
    let path = format!("/instances/{id}");
    assert!(person.get(&path).await.has("Spending limit"));
    let fields = [("tool", "openrouter"), ("limit", "50")];
    let changed = person.post(&format!("{path}/limit"), &fields).await;
    assert_eq!(changed.location(), path);
    let asked = world.fake.state().tool_changes.clone();
    assert_eq!(asked, [json!({ "config": { "limit": 50.0 } })]);
    let protected = person.post(&format!("{path}/protect"), &[]).await;
    let page = person.get(protected.location()).await;
    assert!(
        page.has("Protected. It stays until") && page.has("Unprotect"),
        "{}",
        page.html
    );
    assert!(!page.has("/kill\""), "{}", page.html);
}

#[tokio::test]
async fn the_form_of_a_pool_has_its_guards_and_its_budget() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    let fields = [
        ("version", "0"),
        ("minIdle", "0"),
        ("ttlSeconds", "3600"),
        ("budget", "$20/day"),
    ];
    person.post("/pools/default", &fields).await.location();
    let shown = world.send("GET", "/api/pool/pools/default", "").await.body;
    let policy = json!({ "minIdle": 0, "paused": false, "ttlSeconds": 3600, "budget": "$20/day" });
    assert_eq!(shown["policy"], policy);
    let page = person.get("/pools/default").await;
    assert!(page.has("value=\"$20/day\""), "{}", page.html);
}
