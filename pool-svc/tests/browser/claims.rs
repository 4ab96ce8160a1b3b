use crate::browser::with;
use crate::chrome::Screen;
use crate::fake::{Fault, Op};
use crate::world::World;

#[tokio::test]
async fn a_claim_shows_its_steps_and_ends_at_the_invite_link() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.follow("Claim").await;
        browser.press("input[value=meal-planner]").await;
        browser.fill("#name", "Tulip").await;
        world.fake.fail(Op::Provision, Fault::Hang);
        browser.press("#claim button[type=submit]").await;
        browser
            .find("[data-step=configured][data-state=done]")
            .await;
        browser
            .find("[data-step=provisioned][data-state=now]")
            .await;
        browser.sees("#progress-note", id.as_str()).await;
        // The step is shown before the runtime is asked.
        world.asked(Op::Provision, 1).await;
        world.fake.resume();
        browser.sees("h1", "Tulip is ready").await;
        let link = browser.find("#link").await.prop("value").await.unwrap();
        assert_eq!(link, Some(format!("https://chat/{id}")));
        browser.find(".qr svg[role=img]").await;
        browser.press("#copy").await;
        browser.sees("#copied", "ed").await;
        let opens = browser
            .find("a[target=_blank]")
            .await
            .attr("href")
            .await
            .unwrap();
        assert_eq!(opens, link);
    })
    .await;
}

#[tokio::test]
async fn a_claim_that_finds_none_idle_offers_to_wait_and_is_served() {
    let world = World::new(&[("POOL_MAX_TOTAL", "0")]).await;
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.open("/claim").await;
        browser.press("#claim button[type=submit]").await;
        browser
            .sees(
                "#failure-text",
                "Pool default has no idle instance: try again",
            )
            .await;
        browser.press("#wait").await;
        browser.sees("#progress-note", "You are next").await;
        let id = world.idle(1).await.remove(0);
        world.sql("SELECT pg_notify('agent_pool_claims', '')").await;
        browser.sees("h1", "is ready").await;
        world.until(&id, Some("claimed")).await;
    })
    .await;
}

#[tokio::test]
async fn a_claim_that_fails_says_why_and_keeps_what_was_written() {
    let world = World::new(&[]).await;
    world.idle(1).await;
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.open("/claim").await;
        browser.fill("#name", "Tulip").await;
        world
            .fake
            .fail(Op::Provision, Fault::Refuse(400, "invalid_field"));
        browser.press("#claim button[type=submit]").await;
        browser.sees("#failure-text", "refused the agent").await;
        let name = browser.find("#name").await.prop("value").await.unwrap();
        assert_eq!(name.as_deref(), Some("Tulip"));
    })
    .await;
}
