//! The actions of an operator: each is confirmed, and shows its progress and its outcome.

use crate::browser::with;
use crate::chrome::Screen;
use crate::fake::{Fault, Op, answers};
use crate::world::World;

#[tokio::test]
async fn kill_is_confirmed_and_followed_to_its_end() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser
            .press(&format!("a[href='/instances/{id}/kill']"))
            .await;
        browser.sees("h1", "Kill").await;
        browser.press("form.card button").await;
        browser.sees("[data-part=status]", "destroyed").await;
        browser.sees(".timeline", "killed by an operator").await;
        assert_eq!(world.status(&id).await, None);
    })
    .await;
}

#[tokio::test]
async fn drain_is_confirmed_and_tells_its_outcome() {
    let world = World::new(&[]).await;
    let ids = world.idle(3).await;
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.follow("Drain").await;
        browser.fill("#count", "2").await;
        browser.press("form.card button").await;
        browser
            .sees("[data-part=outcome]", "Drained 2 instances: 2 destroyed.")
            .await;
        for id in &ids[..2] {
            assert_eq!(world.status(id).await, None);
        }
        browser.sees("a.idle", "1").await;
    })
    .await;
}

#[tokio::test]
async fn replenish_shows_its_progress() {
    let world = World::new(&[]).await;
    world.fake.state().born_healthy = false;
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.follow("Replenish").await;
        browser.fill("#count", "2").await;
        browser.press("form.card button").await;
        let outcome = "[data-part=outcome]";
        browser
            .sees(outcome, "Creating 2 instances: 0 ready, 2 in progress.")
            .await;
        browser.find("progress[max='2'][value='0']").await;
        {
            // Those that Services has made by now, and those that it makes later.
            let mut state = world.fake.state();
            state.born_healthy = true;
            for instance in state.instances.values_mut() {
                instance.healthy = true;
            }
        }
        browser.sees(outcome, "Created 2 instances: 2 ready.").await;
        browser.sees("a.idle", "2").await;
    })
    .await;
}

#[tokio::test]
async fn redeploy_and_dismiss_are_confirmed_and_tell_their_outcome() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    world.sql("UPDATE instances SET status = 'crashed'").await;
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.press(&format!("a[href='/instances/{id}']")).await;
        browser.follow("Redeploy").await;
        browser.sees("form.card", "It does not answer until").await;
        browser.press("form.card button").await;
        let outcome = "[data-part=outcome]";
        browser.sees(outcome, "Redeploying.").await;
        browser.follow("Dismiss").await;
        browser.sees("form.card", "This cannot be undone").await;
        browser.press("form.card button").await;
        browser
            .sees(outcome, "Dismissed. All its resources are destroyed.")
            .await;
        assert_eq!(world.status(&id).await, None);
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_is_confirmed_and_followed_to_its_end() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    assert_eq!(world.claim(r#"{"agentName": "Tulip"}"#).await.status, 200);
    world.fake.fail(Op::Upgrade, Fault::Hang);
    world.replica.pool.keep_upgrading();
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.press(&format!("a[href='/instances/{id}']")).await;
        browser.follow("Upgrade").await;
        browser.sees("form.card", "Its volume and").await;
        browser.press("form.card button").await;
        let upgrade = "section:has(#upgrade)";
        browser.sees(upgrade, "is being deployed").await;
        // It is shown before Services is asked.
        world.asked(Op::Upgrade, 1).await;
        world.fake.resume();
        browser.sees(upgrade, "done").await;

        world
            .fake
            .fail(Op::Upgrade, Fault::Refuse(422, "image_not_allowed"));
        browser.follow("Upgrade").await;
        browser.sees("form.card", "Its volume and").await;
        browser.press("form.card button").await;
        browser.sees(upgrade, "failed").await;
        browser.sees(upgrade, "the fake says so").await;
    })
    .await;
}

#[tokio::test]
async fn an_orphan_is_destroyed_once_that_is_confirmed() {
    let world = World::new(&[]).await;
    world.fake.state().swept = Some(answers::sweep_report(false));
    with(&world, Screen::Desk, &[], async |browser| {
        browser.sign_in().await;
        browser.follow("Providers").await;
        browser.sees("tbody", "inbox-lost@agents.example").await;
        browser.follow("Destroy").await;
        browser.sees("form.card", "This cannot be undone").await;
        browser.press("form.card button").await;
        browser.sees("[role=status]", "Destroyed 1 orphan.").await;
        browser.sees("[data-part=sweep]", "orphan, destroyed").await;
    })
    .await;
}
