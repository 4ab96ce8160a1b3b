//! Without JavaScript.

use agent_pool_service_kit::testing::eventually;

use crate::browser::with;
use crate::chrome::Screen;
use crate::fake::answers;
use crate::fleet::many;
use crate::world::{SOON, World};

#[tokio::test]
async fn without_a_script_one_claims_all_the_same() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    with(&world, Screen::Desk, &[], async |browser| {
        browser.without_script().await;
        browser.sign_in().await;
        browser.follow("Claim").await;
        browser.press("input[value=trip-planner]").await;
        browser.press("#claim button[type=submit]").await;
        browser.sees("h1", "Trip Planner is ready").await;
        browser.find(".qr svg").await;
        browser.follow("Fleet").await;
        browser.sees("table", "Trip Planner").await;
        browser.press(&format!("a[href='/instances/{id}']")).await;
        browser.sees("section", "by a claim").await;
        browser
            .press(&format!("a[href='/instances/{id}/kill']"))
            .await;
        browser.sees("h1", "Kill").await;
        browser.press("form.card button").await;
        eventually("it is destroyed", SOON, async || {
            world.status(&id).await.is_none()
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn without_a_script_one_reads_every_page() {
    let world = World::new(&[]).await;
    many(&world, 120).await;
    world.fake.state().swept = Some(answers::sweep_report(false));
    with(&world, Screen::Desk, &[], async |browser| {
        browser.without_script().await;
        browser.sign_in().await;
        browser.follow("Next").await;
        browser.sees(".pages", "51 to 100 of 120").await;
        browser.press("th[scope=col] a[href*='sort=agent']").await;
        browser
            .find("th[aria-sort=ascending] a[href*='sort=agent']")
            .await;
        browser.fill("#q", "inst00000077").await;
        browser.press("form[role=search] button").await;
        browser.sees(".pages", "1 to 1 of 1 instance").await;
        browser.follow("Over time").await;
        browser.follow("hour").await;
        browser.press("#fleet-numbers summary").await;
        browser.sees("#fleet-numbers tbody", "107").await;
        browser.follow("Providers").await;
        browser.sees("tbody", "TELNYX_API_KEY is missing").await;
        browser
            .sees("[data-part=sweep]", "inbox-lost@agents.example")
            .await;
    })
    .await;
}
