//! `costs`, `limit`, `protect` and `unprotect`.

use crate::stack::{Pool, eventually, shared};

/// The spending limit of an instance at the vendor.
fn limit(id: &str) -> Option<f64> {
    let state = shared().cloud.state();
    let mut keys = state.openrouter.keys.iter();
    keys.find(|it| it.name.ends_with(id))?.limit
}

#[test]
fn costs_are_shown_by_pool_resource_and_agent() {
    let pool = Pool::warm(1);
    pool.run(&["pools", "set", "default", "--budget", "$20/day"])
        .done();
    pool.run(&["claim", "--name", "Tulip"]).done();
    let report = eventually(|| {
        let report = pool.run(&["costs"]).done().json();
        let agents = report["pools"][0]["agents"].to_string();
        agents.contains("Tulip").then_some(()).ok_or(agents)?;
        Ok::<_, String>(report)
    });
    assert_eq!(
        report["pools"][0]["budget"]["budget"], "$20/day",
        "{report}"
    );
    let text = pool.run(&["costs", "--human", "--days"]).done().stdout;
    for part in ["RESOURCE", "railway", "$20/day", "Tulip"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let before = ["costs", "--until", "2020-01-31", "--human"];
    let nothing = pool.run(&before).done().stdout;
    assert!(!nothing.contains("Tulip"), "{nothing}");
    assert_eq!(pool.run(&["costs", "--pool", "nosuch"]).code, 4);
    assert_eq!(pool.run(&["costs", "--since", "yesterday"]).code, 2);
}

#[test]
fn the_limit_of_an_agent_is_changed_at_the_vendor() {
    let pool = Pool::warm(1);
    let claimed = pool.run(&["claim", "--name", "Tulip"]).done().json();
    let id = claimed["instanceId"].as_str().unwrap();
    let text = pool.run(&["limit", id, "50", "--human"]).done().stdout;
    assert!(text.contains("is 50"), "{text}");
    assert_eq!(limit(id), Some(50.0));
    let refused = pool.run(&["limit", id, "much"]);
    assert_eq!(refused.code, 2);
    assert_eq!(limit(id), Some(50.0));
}

#[test]
fn a_protected_instance_is_not_claimed_until_it_is_unprotected() {
    let pool = Pool::empty();
    pool.run(&["replenish", "1", "--wait"]).done();
    let id = &pool.ids("idle")[0];
    let protected = pool.run(&["protect", id]).done().json();
    assert_eq!(protected[0]["id"], **id);
    let killed = pool.run(&["kill", id]);
    assert_eq!(
        (killed.code, &killed.error()["code"]),
        (7, &"instance_protected".into())
    );
    assert_eq!(pool.run(&["claim", "trip-planner"]).code, 3);
    pool.run(&["unprotect", id]).done();
    let claimed = pool.run(&["claim", "trip-planner"]).done().json();
    assert_eq!(claimed["instanceId"], **id);
    assert_eq!(pool.run(&["protect", "k3v9x0a1b2c3"]).code, 4);
}
