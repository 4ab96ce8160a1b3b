use super::Person;
use super::person::READ_KEY;
use crate::fake::{Fault, Op};
use crate::world::World;

#[tokio::test]
async fn providers_report_their_health() {
    let world = World::new(&[]).await;
    let page = Person::operator(&world).await.get("/providers").await;
    for text in [
        "<b>Railway</b>",
        "infrastructure, in use",
        "<span class=\"tag warn\">slow</span>",
        "<span class=\"tag bad\">failing</span>",
        "rate_limited: 7",
        "<span class=\"tag warn\">not configured</span>",
        "TELNYX_API_KEY is missing",
        "No sweep has finished yet.",
    ] {
        assert!(page.has(text), "{text} is not in {}", page.html);
    }
}

#[tokio::test]
async fn orphans_are_found_and_destroyed_when_that_is_confirmed() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    let swept = person.post("/providers/sweep", &[]).await;
    assert_eq!(swept.location(), "/providers?swept=true");
    let page = person.get(swept.location()).await;
    assert!(
        page.has("inbox-lost@agents.example") && page.has("or-key-gone"),
        "{}",
        page.html
    );
    assert!(page.has("<span class=\"tag bad\">orphan</span>") && page.has("/providers/orphans"));
    let confirm = person.get("/providers/orphans").await;
    assert!(confirm.has("This cannot be undone"));
    let done = person
        .post("/providers/sweep", &[("destroy", "true")])
        .await;
    assert_eq!(done.location(), "/providers?destroyed=1");
    let page = person.get(done.location()).await;
    assert!(page.has("Destroyed 1 orphan.") && page.has("orphan, destroyed"));
    assert!(
        !page.has("href=\"/providers/orphans\""),
        "there is none left"
    );
}

#[tokio::test]
async fn one_orphan_is_destroyed_when_that_is_confirmed() {
    let world = World::new(&[]).await;
    world.fake.state().swept = Some(crate::fake::answers::sweep_report(false));
    let person = Person::operator(&world).await;
    let query = "?provider=agentmail&amp;resource=inbox-lost%40agents.example";
    let page = person.get("/providers").await;
    assert!(
        page.has(&format!("href=\"/providers/orphans{query}\"")),
        "{}",
        page.html
    );
    let path = format!("/providers/orphans{query}").replace("&amp;", "&");
    let confirm = person.get(&path).await;
    assert!(confirm.has("Destroy this orphan?"), "{}", confirm.html);
    let fields =
        ["destroy", "provider", "resource"].map(|name| (name, confirm.field(name).unwrap()));
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let done = person.post("/providers/sweep", &fields).await;
    assert_eq!(done.location(), "/providers?destroyed=1");
    let other = [
        ("destroy", "true"),
        ("provider", "agentmail"),
        ("resource", "x"),
    ];
    let none = person.post("/providers/sweep", &other).await;
    assert_eq!(none.location(), "/providers?destroyed=0");
    assert!(
        person
            .get(none.location())
            .await
            .has("Nothing was destroyed")
    );
}

#[tokio::test]
async fn a_reader_sees_orphans_and_leaves_them() {
    let world = World::new(&[("POOL_READ_KEY", READ_KEY)]).await;
    world.fake.state().swept = Some(crate::fake::answers::sweep_report(false));
    let reader = Person::reader(&world).await;
    let page = reader.get("/providers").await;
    assert!(page.has("inbox-lost@agents.example") && !page.has("Sweep now"));
    assert!(!page.has("/providers/orphans"));
    assert_eq!(reader.get("/providers/orphans").await.status, 403);
    assert_eq!(
        reader
            .post("/providers/sweep", &[("destroy", "true")])
            .await
            .status,
        403
    );
    assert_eq!(world.fake.times(Op::Sweep), 0);
}

#[tokio::test]
async fn without_services_the_page_says_so() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    world.fake.fail(Op::Registry, Fault::Before(500));
    world.fake.fail(Op::LastSweep, Fault::Before(500));
    let page = person.get("/providers").await;
    assert_eq!(page.status, 200);
    assert!(page.has("Services answered 500"), "{}", page.html);
    world
        .fake
        .fail(Op::Sweep, Fault::Refuse(409, "sweep_running"));
    let busy = person.post("/providers/sweep", &[]).await;
    assert_eq!(busy.status, 409);
    assert!(
        busy.has("The sweep failed: Services answered 409 sweep_running"),
        "{}",
        busy.html
    );
}
