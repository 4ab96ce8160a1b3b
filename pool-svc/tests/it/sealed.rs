//! Invite links and instructions are sealed at rest, and come back in the clear to whoever may see them.

use serde_json::json;

use crate::world::World;

const ENCRYPTED: (&str, &str) = (
    "POOL_ENCRYPTION_KEY",
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
);
/// How many rows hold the invite link or the instructions in the clear, wherever in the row.
const IN_THE_CLEAR: &str = "SELECT count(*)::text AS it FROM (
     SELECT i::text AS line FROM instances AS i UNION ALL SELECT k::text FROM claim_keys AS k
 ) AS rows WHERE line LIKE '%https://chat/%' OR line LIKE '%my diary%'";

async fn claim_with_key(world: &World, key: &str) -> serde_json::Value {
    let body = json!({ "instructions": "my diary" }).to_string();
    let request = world.claim_at(&world.url, "", Some(key), &body);
    let answer = crate::world::answer(request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn invites_and_instructions_are_sealed_and_are_answered_in_the_clear() {
    let world = World::new(&[ENCRYPTED]).await;
    let id = world.idle(1).await.remove(0);
    let claimed = claim_with_key(&world, "once").await;
    let link = format!("https://chat/{id}");
    assert_eq!(claimed["inviteUrl"], link.as_str());
    assert_eq!(world.ask(IN_THE_CLEAR).await.as_deref(), Some("0"));
    assert_eq!(
        claim_with_key(&world, "once").await,
        claimed,
        "by its key again"
    );
    let agents = world.send("GET", "/api/pool/agents", "").await;
    assert!(agents.body.to_string().contains(&link), "{}", agents.body);
}

#[tokio::test]
async fn without_a_key_what_was_stored_stays_readable_with_one() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let claimed = claim_with_key(&world, "once").await;
    assert_eq!(world.ask(IN_THE_CLEAR).await.as_deref(), Some("2"));
    let services = world.fake.url.clone();
    let settings = crate::world::settings(&world.database, &services, &[ENCRYPTED]);
    let other = crate::world::Replica::start(&settings).await;
    let request = world.claim_at(
        &other.url,
        "",
        Some("once"),
        &json!({ "instructions": "my diary" }).to_string(),
    );
    assert_eq!(crate::world::answer(request).await.body, claimed);
    assert_eq!(world.status(&id).await.as_deref(), Some("claimed"));
}
