use agent_pool_core::InstanceId;

use super::Person;
use crate::fake::{Fault, Op};
use crate::world::World;

#[tokio::test]
async fn an_instance_has_its_life_its_tools_and_their_usage() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    world.claim(r#"{"agentName": "Tulip"}"#).await;
    let page = Person::operator(&world)
        .await
        .get(&format!("/instances/{id}"))
        .await;
    for text in [
        "<h1>Tulip</h1>",
        "</b> for a claim",
        "</b> by a claim",
        "inbox-17@agents.example",
        "<dt>Usage (usd)</dt><dd>0.4275</dd>",
        "<dt>Usage (messages)</dt><dd>12</dd>",
        "<dd>&lt;b&gt;+14155550123&lt;/b&gt;</dd>",
        "<dd>ghcr.io/acme/runtime:1.4.2</dd>",
        "<dd>SUCCESS</dd>",
        "<a href=\"https://agents.example/a\"",
    ] {
        assert!(page.has(text), "{text} is not in {}", page.html);
    }
}

#[tokio::test]
async fn an_instance_is_shown_while_services_is_away() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::operator(&world).await;
    world.fake.fail(Op::Details, Fault::Before(500));
    let page = person.get(&format!("/instances/{id}")).await;
    assert_eq!(page.status, 200);
    assert!(
        page.has("Services answered 500") && page.has("History"),
        "{}",
        page.html
    );
}

#[tokio::test]
async fn kill_is_confirmed_done_and_its_end_is_shown() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::operator(&world).await;
    let path = format!("/instances/{id}");
    let confirm = person.get(&format!("{path}/kill")).await;
    assert!(confirm.has("are destroyed") && confirm.has("Cancel"));
    assert_eq!(
        world.status(&id).await.as_deref(),
        Some("idle"),
        "nothing is done yet"
    );
    // It is still being destroyed when the page is read.
    world.fake.fail(Op::Destroy, Fault::Hang);
    let killed = person.post(&format!("{path}/kill"), &[]).await;
    assert_eq!(killed.location(), format!("{path}?done=kill"));
    assert!(
        person
            .get(killed.location())
            .await
            .has("Killed. Its resources are being destroyed.")
    );
    world.asked(Op::Destroy, 1).await;
    world.fake.resume();
    world.until(&id, None).await;
    let gone = person.get(&path).await;
    assert_eq!(gone.status, 200);
    assert!(gone.has("Only its history is left") && gone.has("killed by an operator"));
    assert!(!gone.has("/kill\""), "nothing more can be done");
    let outcome = person.get(killed.location()).await;
    assert!(
        outcome.has("Killed. All its resources are destroyed."),
        "{}",
        outcome.html
    );
}

#[tokio::test]
async fn dismiss_takes_only_what_has_crashed() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::operator(&world).await;
    let path = format!("/instances/{id}/dismiss");
    let refused = person.post(&path, &[]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.has("not crashed: use kill to remove it anyway"));
    world.sql("UPDATE instances SET status = 'crashed'").await;
    assert!(person.get("/").await.has(&format!("href=\"{path}\"")));
    assert_eq!(person.post(&path, &[]).await.status, 303);
    world.until(&id, None).await;
}

#[tokio::test]
async fn redeploy_asks_services_and_says_what_it_answers() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::operator(&world).await;
    let path = format!("/instances/{id}/redeploy");
    assert!(person.get(&path).await.has("It does not answer until"));
    world
        .fake
        .fail(Op::Redeploy, Fault::Refuse(409, "instance_busy"));
    let busy = person.post(&path, &[]).await;
    assert_eq!(busy.status, 409);
    assert!(
        busy.has("The redeployment failed: Services answered 409 instance_busy"),
        "{}",
        busy.html
    );
    let done = person.post(&path, &[]).await;
    assert_eq!(done.location(), format!("/instances/{id}?done=redeploy"));
    assert_eq!(world.fake.state().instances[&id].redeployed, 1);
    let page = person.get(done.location()).await;
    assert!(
        page.has("Redeploying.") && page.has("<dd>DEPLOYING</dd>"),
        "{}",
        page.html
    );
}

#[tokio::test]
async fn logs_are_text_and_say_why_there_are_none() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::operator(&world).await;
    let path = format!("/instances/{id}/logs");
    let page = person.get(&path).await;
    assert!(
        page.has("2026-11-25 06:00:00 listening on port 8080\n"),
        "{}",
        page.html
    );
    assert!(page.has("&lt;b&gt;not markup&lt;/b&gt;"));
    world.fake.fail(Op::Logs, Fault::Refuse(501, "unsupported"));
    let none = person.get(&path).await;
    assert_eq!(none.status, 200);
    assert!(none.has("No logs available. Services answered 501 unsupported"));
}

#[tokio::test]
async fn an_unknown_instance_is_a_404() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    let id = InstanceId::generate();
    for path in [format!("/instances/{id}"), format!("/instances/{id}/kill")] {
        let page = person.get(&path).await;
        assert_eq!(page.status, 404);
        assert!(
            page.has(&format!("There is no instance {id}.")),
            "{}",
            page.html
        );
    }
    assert_eq!(
        person.get(&format!("/instances/{id}/fly")).await.status,
        404
    );
}

#[tokio::test]
async fn an_operator_adds_and_releases_a_tool() {
    let world = World::new(&[("POOL_DEMAND_TOOLS", "telnyx")]).await;
    let id = world.idle(1).await.remove(0);
    world.claim("{}").await;
    let person = Person::operator(&world).await;
    let path = format!("/instances/{id}");
    let page = person.get(&path).await;
    assert!(page.has("<option value=\"telnyx\">"), "{}", page.html);
    let tools = format!("{path}/tools");
    let has = || world.fake.state().instances[&id].tools.contains("exa");
    let added = person
        .post(&tools, &[("act", "add"), ("tool", " exa ")])
        .await;
    assert_eq!((added.location(), has()), (path.as_str(), true));
    assert!(person.get(&path).await.has("a tool was added"));
    person
        .post(&tools, &[("act", "release"), ("tool", "exa")])
        .await;
    assert!(!has());
    let bad = person
        .post(&tools, &[("act", "add"), ("tool", "No Tool")])
        .await;
    assert_eq!(bad.status, 400);
}
