use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;

use super::Person;
use crate::fake::{Fault, Op};
use crate::world::{SOON, World};

#[tokio::test]
async fn the_fleet_is_counted_and_listed_with_all_that_is_known() {
    let world = World::new(&[]).await;
    let id = world.idle(2).await.remove(0);
    world
        .sql(&format!(
            "UPDATE instances SET status = 'claimed', agent_name = 'Tulip <3', tools = '{{telnyx}}',
                    created_at = now() - interval '2 h' WHERE id = '{id}'"
        ))
        .await;
    let page = Person::operator(&world).await.get("/").await;
    for text in [
        "<b>1</b><span>idle</span>",
        "<b>1</b><span>claimed</span>",
        &format!("<a class=\"mono\" href=\"/instances/{id}\">{id}</a>"),
        "Tulip &lt;3",
        "telnyx",
        ">2 h</time>",
        "1 to 2 of 2 instances",
        &format!("href=\"/instances/{id}/kill\""),
    ] {
        assert!(page.has(text), "{text} is not in {}", page.html);
    }
}

#[tokio::test]
async fn the_table_is_searched_filtered_sorted_and_paged() {
    let world = World::new(&[]).await;
    world
        .sql(
            "INSERT INTO instances (id, name, status, url, created_at)
             SELECT 'instance-' || lpad(n::text, 3, '0'), lpad(n::text, 3, '0'), 'idle', 'http://h/',
                    now() - n * interval '1 min' FROM generate_series(1, 120) n",
        )
        .await;
    let person = Person::operator(&world).await;
    let listed = async |query: &str| {
        let page = person.get(&format!("/{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        let links = page
            .html
            .split("<a class=\"mono\" href=\"/instances/instance-");
        let ids: Vec<_> = links.skip(1).map(|rest| rest[..3].to_owned()).collect();
        (ids.len(), ids.first().cloned().unwrap_or_default())
    };
    for (query, length, first) in [
        ("", 50, "001"),
        ("?page=3", 20, "101"),
        ("?page=99", 20, "101"),
        ("?sort=age&order=desc", 50, "120"),
        ("?sort=name&order=desc&page=2", 50, "070"),
        ("?q=-11", 10, "110"),
        ("?status=idle&q=-120", 1, "120"),
        ("?status=claimed", 0, ""),
    ] {
        assert_eq!(listed(query).await, (length, first.to_owned()), "{query}");
    }
    let page = person.get("/?q=-0&sort=name").await;
    assert!(
        page.has("href=\"/?q=-0&amp;sort=name&amp;page=2\""),
        "{}",
        page.html
    );
    let wrong = person.get("/?status=asleep").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.has("Status: unknown variant"), "{}", wrong.html);
}

#[tokio::test]
async fn drain_and_replenish_are_confirmed_and_tell_what_came_of_them() {
    let world = World::new(&[]).await;
    let oldest = world.idle(2).await.remove(0);
    let person = Person::operator(&world).await;
    let form = person.get("/drain").await;
    assert!(form.has("2 idle now") && form.field("token") == Some(person.token.clone()));
    let drained = person.post("/drain", &[("count", "1")]).await;
    assert!(
        drained.location().starts_with("/?drained=1&at="),
        "{}",
        drained.location()
    );
    world.until(&oldest, None).await;
    let page = person.get(drained.location()).await;
    assert!(
        page.has("Drained 1 instance: 1 destroyed."),
        "{}",
        page.html
    );
    assert!(person.get("/?drained=1").await.has("Drained 1 instance."));
    assert!(
        person
            .get("/replenish")
            .await
            .has("Number of instances to create")
    );
    world.fake.state().born_healthy = false;
    let begun = person.post("/replenish", &[("count", "3")]).await;
    let page = person.get(begun.location()).await;
    assert!(
        page.has("Creating 3 instances: 0 ready, 3 in progress."),
        "{}",
        page.html
    );
    {
        // Those that Services has made by now, and those that it makes later.
        let mut state = world.fake.state();
        state.born_healthy = true;
        for instance in state.instances.values_mut() {
            instance.healthy = true;
        }
    }
    eventually("all are ready", SOON, async || {
        person
            .get(begun.location())
            .await
            .has("Created 3 instances: 3 ready.")
    })
    .await;
    let wrong = person.post("/drain", &[("count", "many")]).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.has("Count: invalid digit"), "{}", wrong.html);
}

#[tokio::test]
async fn alarms_are_shown() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    world
        .fake
        .fail(Op::Create, Fault::Refuse(422, "invalid_field"));
    world
        .sql("UPDATE tick_state SET doubt = 'too many vanished', doubted_since = now()")
        .await;
    let person = Person::operator(&world).await;
    person.post("/replenish", &[("count", "1")]).await;
    eventually("the failure is shown", SOON, async || {
        person.get("/").await.has("invalid_field")
    })
    .await;
    assert!(person.get("/").await.has("Too many vanished."));
}

#[tokio::test]
async fn a_database_that_is_away_is_a_page_that_says_so() {
    let world = World::new(&[]).await;
    let person = Person::operator(&world).await;
    world.sql("ALTER TABLE instances RENAME TO elsewhere").await;
    let page = person.get("/").await;
    assert_eq!(page.status, 500);
    assert!(page.has("internal_error") && !page.has("elsewhere") && !page.has("relation"));
    assert!(
        person
            .get(&format!("/instances/{}", InstanceId::generate()))
            .await
            .has("<h1>")
    );
}
