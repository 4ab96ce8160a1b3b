use serde_json::json;

use super::Person;
use super::person::READ_KEY;
use crate::world::World;

#[tokio::test]
async fn an_operator_changes_pauses_and_deletes_a_pool() {
    let world = World::new(&[]).await;
    let body = r#"{"recipe": {"image": "agent:2"}, "policy": {"minIdle": 1}}"#;
    let put = world.send("PUT", "/api/pool/pools/research", body).await;
    assert_eq!(put.status, 200, "{}", put.body);
    let person = Person::operator(&world).await;
    let list = person.get("/pools").await;
    assert!(list.has("href=\"/pools/research\""), "{}", list.html);
    assert!(list.has("href=\"/pools/default\""), "{}", list.html);
    let page = person.get("/pools/research").await;
    assert!(page.has("agent:2") && page.has("Versions"), "{}", page.html);
    let fields = [("version", "1"), ("minIdle", "3"), ("maxTotal", "5")];
    let saved = person.post("/pools/research", &fields).await;
    assert_eq!(saved.location(), "/pools/research");
    let late = person.post("/pools/research", &fields).await;
    assert_eq!(late.status, 409, "the form is of version 1");
    let paused = person
        .post("/pools/research/pause", &[("paused", "true")])
        .await;
    assert_eq!(paused.location(), "/pools/research");
    let shown = world.send("GET", "/api/pool/pools/research", "").await.body;
    assert_eq!(
        shown["policy"],
        json!({ "minIdle": 3, "maxTotal": 5, "paused": true })
    );
    assert!(person.get("/pools/research").await.has("Resume"));
    let confirm = person.get("/pools/research/delete").await;
    assert!(
        confirm.has("Do not delete if there are any"),
        "{}",
        confirm.html
    );
    let deleted = person
        .post("/pools/research/delete", &[("moveTo", "")])
        .await;
    assert_eq!(deleted.location(), "/pools");
    for page in ["/pools/research", "/pools/research/delete"] {
        assert_eq!(person.get(page).await.status, 404, "{page}");
    }
    // Its log stays.
    let log = person.get("/events?pool=research").await;
    assert!(log.has("Events of pool research"), "{}", log.html);
}

#[tokio::test]
async fn a_reader_sees_pools_and_leaves_them() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    let reader = Person::reader(&world).await;
    let page = reader.get("/pools/default").await;
    assert!(page.status == 200 && !page.has("Save"), "{}", page.html);
    let paused = reader
        .post("/pools/default/pause", &[("paused", "true")])
        .await;
    assert_eq!(paused.status, 403);
}

#[tokio::test]
async fn a_pool_with_an_objective_is_saved_without_a_fixed_number() {
    let world = World::new(&[]).await;
    let body = r#"{"policy": {"objective": {"hitRate": "99%"}}}"#;
    let put = world.send("PUT", "/api/pool/pools/research", body).await;
    assert_eq!(put.status, 200, "{}", put.body);
    let person = Person::operator(&world).await;
    let page = person.get("/pools/research").await;
    assert!(!page.has("name=\"minIdle\""), "{}", page.html);
    assert!(page.has("hit rate of 99%"), "{}", page.html);
    let fields = [("version", "1"), ("maxTotal", "5")];
    let saved = person.post("/pools/research", &fields).await;
    assert_eq!(saved.location(), "/pools/research");
    let shown = world.send("GET", "/api/pool/pools/research", "").await.body;
    assert_eq!(
        shown["policy"],
        json!({ "objective": { "hitRate": "99%", "min": 0 }, "maxTotal": 5, "paused": false })
    );
    let status = world.send("GET", "/api/pool/status", "").await.body;
    assert_eq!(status["targets"], json!({ "default": 0, "research": 0 }));
}

#[tokio::test]
async fn an_operator_replays_the_log_under_another_policy() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    world.idle(1).await;
    assert_eq!(world.claim("{}").await.status, 200);
    let person = Person::operator(&world).await;
    assert!(
        person
            .get("/pools/default")
            .await
            .has("/pools/default/simulation")
    );
    let form = person.get("/pools/default/simulation").await;
    assert!(
        form.has("name=\"hitRate\"") && !form.has("Best fixed"),
        "{}",
        form.html
    );
    let query = "/pools/default/simulation?hitRate=99%25&days=1&min=2";
    let page = person.get(query).await;
    assert!(page.has("Simulated: objective 99%"), "{}", page.html);
    assert!(page.has("Best fixed number"), "{}", page.html);
    assert!(!page.has("Cost</th>"), "{}", page.html);
    let all = "&max=3&stepUp=1&stepDown=1&timeZone=Europe%2FBerlin&floors=0+9%2C14+*+*+*%2C60%2C2%0A&costPerHour=0.5";
    let page = person.get(&format!("{query}{all}")).await;
    assert!(page.has("Cost</th>") && page.has("Waits"), "{}", page.html);
    assert!(
        page.has("0 9,14 * * *,60,2"),
        "the form keeps it: {}",
        page.html
    );
    for bad in [
        "hitRate=much",
        "hitRate=99%25&floors=0+9+*+*+*",
        "hitRate=99%25&floors=often%2C60%2C2",
        "hitRate=99%25&floors=0+9+*+*+*%2C0%2C2",
        "hitRate=99%25&timeZone=Mars",
        "hitRate=99%25&costPerHour=-1",
        "hitRate=99%25&stepUp=0",
        "hitRate=99%25&max=much",
    ] {
        let bad = person
            .get(&format!("/pools/default/simulation?{bad}"))
            .await;
        assert_eq!(bad.status, 400, "{}", bad.html);
    }
    assert_eq!(person.get("/pools/nosuch/simulation").await.status, 404);
    let reader = Person::reader(&world).await;
    assert_eq!(reader.get(query).await.status, 403);
}

#[tokio::test]
async fn an_operator_declares_a_pool_and_its_recipe() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    assert!(person.get("/pools").await.has("New pool"));
    let declare = async |version: &str, declaration: &str| {
        let fields = [
            ("name", "large"),
            ("version", version),
            ("declaration", declaration),
        ];
        person.post("/pools", &fields).await
    };
    let first = r#"{"recipe": {"infraOptions": {"memoryMib": 1024}}, "policy": {"minIdle": 0}}"#;
    assert_eq!(declare("0", first).await.location(), "/pools/large");
    let page = person.get("/pools/large").await;
    assert!(page.has("memoryMib") && page.has("1024"), "{}", page.html);
    let second = r#"{"policy": {"objective": {"hitRate": "99%"}}}"#;
    assert_eq!(declare("0", second).await.status, 409);
    assert_eq!(declare("1", second).await.location(), "/pools/large");
    let shown = world.send("GET", "/api/pool/pools/large", "").await.body;
    assert_eq!(shown["policy"]["objective"]["hitRate"], "99%");
    assert_eq!(shown["recipe"], json!({}));
    let floor = r#"{"policy": {"objective": {"hitRate": "99%", "floors": [{"from": "0 9 * * *", "minutes": 0, "min": 1}]}}}"#;
    for wrong in ["{", "[]", r#"{"polcy": {}}"#, floor] {
        assert_eq!(declare("2", wrong).await.status, 400, "{wrong}");
    }
    assert!(declare("2", floor).await.has("a floor lasts 0 minutes"));
}
