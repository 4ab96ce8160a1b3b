//! Explanations by API and on the page.

use crate::dashboard::Person;
use crate::world::World;

#[tokio::test]
async fn the_story_of_an_instance_is_told_by_api_and_page_also_after_its_end() {
    let world = World::new(&[]).await;
    let replenished = world
        .send("POST", "/api/pool/replenish", r#"{"count": 1}"#)
        .await;
    let id = replenished.body["instanceIds"][0]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    world.until(&id, Some("idle")).await;
    world
        .sql("UPDATE instance_events SET reason = '1 <wanted>' WHERE cause = 'warm_up'")
        .await;
    world.claim("{}").await;
    world
        .send("DELETE", &format!("/api/pool/instances/{id}"), "")
        .await;
    world.until(&id, None).await;
    let path = format!("/api/pool/explain/instance/{id}");
    let story = world.send("GET", &path, "").await.body;
    let texts: Vec<_> = story["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["text"].as_str().unwrap())
        .collect();
    assert!(
        texts[0].starts_with("It was made to fill the pool") && texts[0].contains("(1 <wanted>)"),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|text| text.starts_with("A claim took it")),
        "{texts:?}"
    );
    assert!(
        texts.last().unwrap().starts_with("It has been gone for"),
        "{texts:?}"
    );
    let page = Person::operator(&world)
        .await
        .get(&format!("/instances/{id}"))
        .await;
    assert!(
        page.has("It was made to fill the pool") && page.has("1 &lt;wanted&gt;"),
        "{}",
        page.html
    );
    let unknown = world
        .send("GET", "/api/pool/explain/instance/k3v9x0a1b2c3", "")
        .await;
    assert_eq!((unknown.status, unknown.code()), (404, "unknown_instance"));
}
