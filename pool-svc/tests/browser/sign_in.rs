use agent_pool_service_kit::testing::eventually;

use crate::browser::with;
use crate::chrome::Screen;
use crate::fake::KEY;
use crate::world::{SOON, World};

#[tokio::test]
async fn one_signs_in_with_the_keyboard_alone_and_out_again() {
    let world = World::new(&[]).await;
    with(&world, Screen::Desk, &[], async |browser| {
        browser.open("/?status=idle").await;
        browser.sees("h1", "agent-pool").await;
        // A browser gives a field the focus only after the page is loaded.
        eventually("the field has the focus", SOON, async || {
            browser.focus().await.starts_with("Key")
        })
        .await;
        browser.keys(&format!("{KEY}\u{E007}")).await;
        browser.sees("h1", "Fleet").await;
        let stored = browser.script(
            "return document.cookie + JSON.stringify(localStorage)",
            serde_json::json!([]),
        );
        assert_eq!(stored.await, "{}", "no script sees the session");
        browser.press("form[action='/sign-out'] button").await;
        browser.sees("label", "Key").await;
        browser.open("/").await;
        assert_eq!(browser.path().await, "/sign-in");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_key_is_told_where_a_screen_reader_finds_it() {
    let world = World::new(&[]).await;
    with(&world, Screen::Desk, &["status of 403"], async |browser| {
        browser.open("/sign-in").await;
        browser.fill("#key", "wrong").await;
        browser.press("button[type=submit]").await;
        browser.sees("[role=alert]", "This key is not valid").await;
        browser
            .find("#key[aria-invalid=true][aria-describedby=wrong]")
            .await;
    })
    .await;
}
