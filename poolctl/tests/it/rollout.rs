//! `rollout` and `upgrades`.

use crate::stack::Pool;

#[test]
fn a_changed_recipe_is_rolled_out_and_an_agent_upgraded_on_request() {
    let pool = Pool::warm(1);
    let none = pool.run(&["rollout", "--human"]).done().stdout;
    assert!(none.contains("No pool has had a roll-out"), "{none}");
    let refused = pool.run(&["rollout", "retry"]);
    assert_eq!(
        (refused.code, &refused.error()["code"]),
        (7, &"no_rollout".into())
    );
    let claimed = pool.run(&["claim", "trip-planner"]).done().json();
    let id = claimed["instanceId"].as_str().unwrap();
    pool.until(|counts| counts["idle"] == 1);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pools.toml");
    let recipe = "[pools.default.recipe.variables]\nMOOD = \"calm\"\n";
    std::fs::write(&file, recipe).unwrap();
    pool.run(&["pools", "apply", "-f", file.to_str().unwrap()])
        .done();
    let waited = pool.run(&["rollout", "wait"]).done().json();
    assert_eq!(waited["rollout"]["state"], "done", "{waited}");
    assert_eq!(waited["rollout"]["to"], waited["recipe"]["hash"]);
    let outdated = || {
        let listed = pool.run(&["upgrades", "list", "--outdated"]).done().json();
        let rows = listed["instances"].as_array().unwrap().iter();
        let ids = rows.map(|row| row["instanceId"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(outdated(), [id]);
    let started = ["upgrades", "start", "--pool", "default", "--wait"];
    assert_eq!(pool.run(&started).done().json()["count"], 1);
    assert_eq!(outdated(), Vec::<String>::new());
    let table = pool.run(&["upgrades", "--human"]).done().stdout;
    assert!(table.contains(id) && table.contains("done"), "{table}");

    // Back to the previous recipe, which looks like replicas of Services with different settings.
    std::fs::write(&file, "[pools.default.recipe.variables]\n").unwrap();
    pool.run(&["pools", "apply", "-f", file.to_str().unwrap()])
        .done();
    let waited = pool.run(&["rollout", "wait"]);
    assert_eq!(waited.error()["code"], "rollout_stopped", "{waited:?}");
    let neither = pool.run(&["upgrades", "start"]);
    assert_eq!(neither.code, 2, "{}", neither.stderr);
}
