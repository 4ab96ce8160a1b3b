use super::Person;
use super::person::READ_KEY;
use crate::fake::KEY;
use crate::world::World;

const BOB: &str = "the-key-of-bob-0123";

#[tokio::test]
async fn every_change_says_who_made_it_and_from_where() {
    let keys = format!("ann:{KEY},bob:{BOB}");
    let world = World::new(&[("POOL_API_KEY", &keys), ("POOL_READ_KEY", READ_KEY)]).await;
    let ids = world.idle(3).await;
    world.claim(r#"{"agentName": "Tulip"}"#).await;
    let drained = world
        .send("POST", "/api/pool/drain", r#"{"count": 1}"#)
        .await;
    assert_eq!(drained.status, 200, "{}", drained.body);
    let bob = Person::with_key(&world, BOB).await;
    let kill = format!("/instances/{}/kill", ids[2]);
    assert_eq!(bob.post(&kill, &[]).await.status, 303);
    let replenished = bob.post("/replenish", &[("count", "1")]).await;
    assert_eq!(replenished.status, 303);
    for (cause, by) in [
        ("claim", "ann from 127.0.0.1"),
        ("provisioned", "ann from 127.0.0.1"),
        ("drained", "ann from 127.0.0.1"),
        ("killed", "bob from 127.0.0.1"),
        ("warm_up", "bob from 127.0.0.1"),
    ] {
        let query = format!(
            "SELECT concat_ws(' from ', principal, source) AS it FROM instance_events
             WHERE cause = '{cause}'"
        );
        assert_eq!(world.ask(&query).await.as_deref(), Some(by), "{cause}");
    }
    let log = world.send("GET", "/api/pool/events?limit=1000", "").await;
    let events = log.body["events"].as_array().unwrap();
    let killed = events.iter().find(|it| it["cause"] == "killed").unwrap();
    assert_eq!(
        (&killed["principal"], &killed["source"]),
        (&"bob".into(), &"127.0.0.1".into())
    );
    let page = bob.get(&format!("/instances/{}", ids[0])).await;
    assert!(page.has(", by ann"), "{}", page.html);
}

#[tokio::test]
async fn the_events_page_lists_changes_and_who_made_them_page_by_page() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    world
        .sql(
            "INSERT INTO instance_events (instance_id, to_status, cause, principal, source, at)
             SELECT 'instance-' || lpad(n::text, 3, '0'), 'starting', 'warm_up',
                    CASE WHEN n = 120 THEN '<ann>' END, CASE WHEN n = 120 THEN '10.0.0.7' END,
                    now() - interval '1 min'
             FROM generate_series(1, 120) n",
        )
        .await;
    let reader = Person::reader(&world).await;
    let page = reader.get("/events").await;
    assert_eq!(page.status, 200);
    for text in [
        "instance-120",
        "&lt;ann&gt;",
        "10.0.0.7",
        ">pool<",
        "rel=\"next\"",
    ] {
        assert!(page.has(text), "{text} is not in {}", page.html);
    }
    assert_eq!(
        page.html.matches("href=\"/instances/instance-").count(),
        100
    );
    let older = page.html.split("rel=\"next\" href=\"").nth(1).unwrap();
    let older = reader.get(older.split('"').next().unwrap()).await;
    assert!(older.has("instance-020") && !older.has("instance-021") && older.has("Newest"));
    assert!(!older.has("rel=\"next\""), "it is the last page");
    let others = reader.get("/events?pool=research").await;
    assert!(others.has("No events."), "{}", others.html);
}
