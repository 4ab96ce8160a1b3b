//! Using only the keyboard.

use crate::browser::with;
use crate::chrome::Screen;
use crate::world::World;

const ENTER: &str = "\u{E007}";
const DOWN: &str = "\u{E015}";

#[tokio::test]
async fn one_claims_with_the_keyboard_alone() {
    let world = World::new(&[]).await;
    world.idle(1).await;
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.tab_to("Claim").await;
        browser.keys(ENTER).await;
        browser.sees("h1", "Claim an agent").await;
        browser.tab_to("Skip to content").await;
        browser.keys(ENTER).await;
        browser.tab_to("✏️ Custom").await;
        browser.keys(DOWN).await;
        assert!(
            browser.focus().await.contains("Trip Planner"),
            "{}",
            browser.focus().await
        );
        browser.tab_to("Name").await;
        browser.keys("Tulip").await;
        browser.tab_to("Claim").await;
        browser.keys(ENTER).await;
        browser.sees("h1", "Tulip is ready").await;
        browser.tab_to("Copy").await;
        browser.keys(ENTER).await;
        browser.sees("#copied", "ed").await;
    })
    .await;
}

#[tokio::test]
async fn one_kills_with_the_keyboard_alone() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.tab_to(id.as_str()).await;
        browser.keys(ENTER).await;
        browser.sees("h1", id.as_str()).await;
        browser.tab_to("Kill").await;
        browser.keys(ENTER).await;
        browser.sees("form.card", "are destroyed").await;
        browser.tab_to("Kill").await;
        browser.keys(ENTER).await;
        browser.sees("[data-part=status]", "destroyed").await;
    })
    .await;
}
