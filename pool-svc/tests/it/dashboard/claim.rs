use super::Person;
use super::person::READ_KEY;
use serde_json::json;

use crate::fake::{Fault, Op};
use crate::world::{SOON, World};

#[tokio::test]
async fn a_template_is_claimed_and_leads_to_its_invite_link() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::operator(&world).await;
    let form = person.get("/claim?template=trip-planner").await;
    assert!(form.has("value=\"trip-planner\" checked"), "{}", form.html);
    let attempt = form.field("attempt").unwrap();
    let fields = [
        ("template", "trip-planner"),
        ("attempt", &attempt),
        ("name", ""),
        ("join_url", ""),
    ];
    let claimed = person.post("/claim", &fields).await;
    assert_eq!(
        (claimed.status, claimed.location()),
        (303, &*format!("/instances/{id}/invite"))
    );
    let page = person.get(claimed.location()).await;
    for text in [
        "<h1>Trip Planner is ready</h1>",
        &format!("value=\"https://chat/{id}\""),
        &format!("href=\"https://chat/{id}\" target=\"_blank\" rel=\"noopener noreferrer\""),
        "aria-label=\"QR code of the invite link\"",
    ] {
        assert!(page.has(text), "{text} is not in {}", page.html);
    }
    let message = world.fake.state().instances[&id].provisioned[0].clone();
    assert!(
        message["instructions"]
            .as_str()
            .unwrap()
            .starts_with("You plan trips")
    );
    assert!(person.get("/").await.has("Trip Planner"));
}

#[tokio::test]
async fn a_repeated_form_claims_once() {
    let world = World::new(&[]).await;
    world.idle(2).await;
    let person = Person::operator(&world).await;
    let fields = [("name", "Tulip"), ("attempt", "one")];
    let (one, other) = tokio::join!(
        person.post("/claim", &fields),
        person.post("/claim", &fields)
    );
    assert_eq!(one.location(), other.location());
    assert_eq!(
        person.post("/claim", &fields).await.location(),
        one.location()
    );
    assert_eq!(world.fake.times(Op::Provision), 1);
}

#[tokio::test]
async fn without_an_idle_instance_a_claim_fails_or_waits() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    let fields = [
        ("name", "Tulip & Co"),
        ("attempt", "one"),
        ("instructions", "Be kind."),
    ];
    let none = person.post("/claim", &fields).await;
    assert_eq!(none.status, 503);
    assert!(none.has("<h1>No instance is idle</h1>") && none.has("Wait for an instance"));
    assert!(none.has(r#"The page of <a href="/pools/default">pool default</a> shows why."#));
    assert_eq!(none.field("name").as_deref(), Some("Tulip &amp; Co"));
    let waiting = [&fields[..], &[("wait", "on")]].concat();
    // The pool creates one for the waiting claim.
    let claimed = person.post("/claim", &waiting).await;
    assert_eq!(claimed.status, 303, "{}", claimed.html);
    assert!(
        person
            .get(claimed.location())
            .await
            .has("Tulip &amp; Co is ready")
    );
}

#[tokio::test]
async fn a_form_shows_its_problem_and_keeps_its_fields() {
    let world = World::new(&[]).await;
    world.idle(1).await;
    let person = Person::operator(&world).await;
    let long = "x".repeat(65);
    let page = person
        .post("/claim", &[("name", &long), ("instructions", "Be <kind>.")])
        .await;
    assert_eq!(page.status, 400);
    assert!(page.has("Name: 65 characters are too many") && page.has("Be &lt;kind&gt;."));
    world
        .fake
        .fail(Op::Provision, Fault::Refuse(400, "invalid_field"));
    let page = person.post("/claim", &[("name", "Tulip")]).await;
    assert_eq!(page.status, 422);
    assert!(
        page.has("refused the agent") && page.has("value=\"Tulip\""),
        "{}",
        page.html
    );
}

#[tokio::test]
async fn the_script_hears_each_step() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::operator(&world).await;
    let page = person.post("/claim/stream", &[("name", "Tulip")]).await;
    assert_eq!(page.headers["content-type"], "text/event-stream");
    for step in ["taken", "configured", "provisioned", "recorded"] {
        assert!(page.has(&format!("\"step\":\"{step}\"")), "{}", page.html);
    }
    assert!(page.has("event:result") && page.has(id.as_str()));
}

#[tokio::test]
async fn a_claim_whose_page_is_closed_comes_to_its_end() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let person = Person::operator(&world).await;
    world.fake.fail(Op::Provision, Fault::Hang);
    let fields = [("name", "Tulip"), ("token", &person.token)];
    let request = person.form("/claim", &fields);
    let left = tokio::time::timeout(SOON, async {
        tokio::select! {
            _ = person.page(request) => unreachable!("it hangs"),
            () = agent_pool_service_kit::testing::eventually("it is asked", SOON, async || {
                world.fake.times(Op::Provision) == 1
            }) => {}
        }
    });
    left.await.unwrap();
    world.fake.resume();
    world.until(&id, Some("claimed")).await;
}

#[tokio::test]
async fn an_invite_is_for_operators_and_for_agents() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    let ids = world.idle(2).await;
    world.claim(r#"{"agentName": "Tulip"}"#).await;
    let reader = Person::reader(&world).await;
    let path = format!("/instances/{}", ids[0]);
    assert_eq!(reader.get(&format!("{path}/invite")).await.status, 403);
    assert_eq!(reader.get("/claim").await.status, 403);
    for page in [reader.get(&path).await, reader.get("/").await] {
        assert!(page.has("Tulip") && !page.has("https://chat/") && !page.has("href=\"/claim\""));
    }
    let operator = Person::operator(&world).await;
    assert!(operator.get(&path).await.has("/invite\""));
    let nobodys = operator.get(&format!("/instances/{}/invite", ids[1])).await;
    assert_eq!(nobodys.status, 404);
    assert!(nobodys.has("has not been claimed"));
}

#[tokio::test]
async fn a_stored_link_that_is_no_address_of_the_web_is_not_shown() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    world.claim("{}").await;
    let operator = Person::operator(&world).await;
    for bad in ["javascript:alert(1)", "data:text/html,x", "nonsense"] {
        world
            .sql(&format!("UPDATE instances SET invite_url = '{bad}'"))
            .await;
        let page = operator.get(&format!("/instances/{id}/invite")).await;
        assert_eq!(page.status, 404);
        assert!(!page.has(bad), "{}", page.html);
    }
}

#[tokio::test]
async fn an_agent_that_waits_to_be_let_in_is_followed_on_the_page_of_its_instance() {
    let world = World::new(&[("POOL_CALLBACK_URL", "https://pool.example")]).await;
    let id = world.idle(1).await.remove(0);
    world.fake.state().provision_answer = Some(json!({"status": "pending_acceptance"}));
    let person = Person::operator(&world).await;
    let fields = [("name", "Tulip"), ("join_url", "https://chat/x")];
    let page = person.post("/claim", &fields).await;
    assert_eq!(page.status, 303, "{}", page.html);
    assert_eq!(page.location(), format!("/instances/{id}"));
    assert!(
        person
            .get(&format!("/instances/{id}"))
            .await
            .has("to be accepted into its conversation")
    );
    let page = person.post("/claim/stream", &fields).await;
    assert!(page.has("event:pending"), "{}", page.html);
}

#[tokio::test]
async fn a_claim_takes_the_pool_of_its_form_or_of_its_template() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("templates.json");
    let scout = json!([{
        "slug": "scout", "name": "Scout", "emoji": "", "category": "", "description": "", "instructions": "Look.", "pool": "research",
    }]);
    std::fs::write(&file, scout.to_string()).unwrap();
    let world = World::new(&[("POOL_TEMPLATES_FILE", file.to_str().unwrap())]).await;
    let path = "/api/pool/pools/research";
    assert_eq!(world.send("PUT", path, "{}").await.status, 200);
    world.idle(3).await;
    world
        .sql("UPDATE instances SET pool = 'research' WHERE id <> (SELECT min(id) FROM instances)")
        .await;
    let person = Person::operator(&world).await;
    let form = person.get("/claim?pool=research").await;
    assert!(
        form.has("name=\"pool\" value=\"research\""),
        "{}",
        form.html
    );
    for (template, pool) in [("scout", ""), ("own", "research")] {
        let claimed = person
            .post("/claim", &[("template", template), ("pool", pool)])
            .await;
        assert_eq!(claimed.status, 303, "{}", claimed.html);
    }
    let counts = world.send("GET", path, "").await.body["counts"].clone();
    assert_eq!(
        (&counts["claimed"], &counts["idle"]),
        (&2.into(), &0.into())
    );
    let moved = world
        .send("DELETE", &format!("{path}?moveTo=default"), "")
        .await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    let gone = person.post("/claim", &[("template", "scout")]).await;
    assert!(
        gone.status == 404 && gone.has("no pool research"),
        "{}",
        gone.html
    );
    let bad = person
        .post("/claim", &[("template", "own"), ("pool", "No Name")])
        .await;
    assert!(
        bad.status == 400 && bad.has("value=\"No Name\""),
        "{}",
        bad.html
    );
}
