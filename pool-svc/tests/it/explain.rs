//! Explanations by API and on the page.

use agent_pool_core::InstanceId;

use crate::dashboard::Person;
use crate::fake::{Fault, Op};
use crate::world::World;

/// The sentences about an instance, each on a line.
async fn story(world: &World, id: &InstanceId) -> String {
    let path = format!("/api/pool/explain/instance/{id}");
    let story = world.send("GET", &path, "").await.body;
    let steps = story["steps"].as_array().unwrap().iter();
    let texts: Vec<_> = steps.map(|step| step["text"].as_str().unwrap()).collect();
    texts.join("\n")
}

#[tokio::test]
async fn an_instance_is_explained_after_its_destruction() {
    let world = World::new(&[]).await;
    let id = world.replenish(1).await.remove(0);
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
        texts.last().unwrap().starts_with("It was destroyed"),
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
    unknown.is_problem(404, "unknown_instance");
}

#[tokio::test]
async fn an_instance_that_is_given_up_says_why() {
    let world = World::new(&[]).await;
    world
        .fake
        .fail(Op::Create, Fault::Refuse(422, "provider_unconfigured"));
    let failed = world.replenish(1).await.remove(0);
    world.until(&failed, None).await;
    let text = story(&world, &failed).await;
    assert!(
        text.contains("it could not be created") && text.contains("provider_unconfigured"),
        "{text}"
    );
    let claimed = world.idle(1).await.remove(0);
    world
        .fake
        .fail(Op::Provision, Fault::Refuse(409, "not_ready"));
    let link = "https://chat.example/secret";
    world.claim(&format!(r#"{{"joinUrl": "{link}"}}"#)).await;
    world.until(&claimed, None).await;
    let text = story(&world, &claimed).await;
    assert!(
        text.contains("may have had an effect")
            && text.contains("(it could not be provisioned: not_ready)"),
        "{text}"
    );
    assert!(!text.contains(link), "{text}");
}
