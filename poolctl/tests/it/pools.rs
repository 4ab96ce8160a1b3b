//! `pools`, and the commands that take a pool.

use serde_json::json;

use crate::stack::Pool;

#[test]
fn a_file_is_applied_once_and_its_difference_is_shown() {
    let pool = Pool::empty();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pools.toml");
    std::fs::write(
        &file,
        "[pools.research.policy]\nmin_idle = 0\nmax_total = 5\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let planned = pool
        .run(&["pools", "apply", "-f", file, "--dry-run"])
        .done()
        .json();
    assert_eq!(planned[0]["pool"], "research");
    let lines = planned[0]["differences"].to_string();
    assert!(lines.contains("+ policy.maxTotal: 5"), "{lines}");
    let none = pool.run(&["pools", "show", "research"]);
    assert_eq!(
        (none.code, &none.error()["code"]),
        (4, &"unknown_pool".into())
    );
    pool.run(&["pools", "apply", "-f", file]).done();
    let again = pool.run(&["pools", "apply", "-f", file]).done().json();
    assert_eq!(again.as_array().unwrap().len(), 0);
    let shown = pool.run(&["pools", "show", "research"]).done().json();
    assert_eq!(
        (&shown["version"], &shown["maxTotal"]),
        (&1.into(), &5.into())
    );
    let table = pool.run(&["pools", "--human"]).done().stdout;
    assert!(table.starts_with("POOL      TARGET"), "{table}");
    let wrong = folder.path().join("wrong.toml");
    std::fs::write(&wrong, "[pools.research.policy]\nmin_idel = 1\n").unwrap();
    let wrong = pool.run(&["pools", "apply", "-f", wrong.to_str().unwrap()]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    for (text, named) in [
        ("[pools.a]\n[pool.b]\n", "pool"),
        ("[pools.a.policy]\nbudget = \"20\"\n", "policy.budget"),
    ] {
        let file = folder.path().join("other.toml");
        std::fs::write(&file, text).unwrap();
        let refused = pool.run(&["pools", "apply", "-f", file.to_str().unwrap()]);
        assert_eq!(refused.code, 2, "{refused:?}");
        let error = refused.error()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn a_pool_is_set_paused_claimed_from_and_deleted() {
    let pool = Pool::empty();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pools.toml");
    std::fs::write(&file, "[pools.research]\n").unwrap();
    pool.run(&["pools", "apply", "-f", file.to_str().unwrap()])
        .done();
    let set = pool
        .run(&["pools", "set", "research", "--max-total", "4"])
        .done()
        .json();
    assert_eq!((&set["maxTotal"], &set["target"]), (&4.into(), &0.into()));
    let paused = pool.run(&["pools", "pause", "research"]).done().json();
    assert_eq!(paused["policy"]["paused"], true);
    let resumed = pool.run(&["pools", "resume", "research"]).done().json();
    assert_eq!(resumed["policy"]["paused"], false);
    assert_eq!(pool.run(&["pools", "set", "research"]).code, 2);
    pool.run(&["replenish", "1", "--pool", "research", "--wait"])
        .done();
    let none = pool.run(&["claim", "trip-planner"]);
    assert_eq!(none.code, 3, "the pool default has none");
    let events = |name: &str| {
        let events = pool.run(&["events", "--pool", name]).done().json();
        events["events"].as_array().unwrap().len()
    };
    assert_eq!((events("research"), events("default")), (2, 0));
    for command in ["drain", "replenish"] {
        assert_eq!(pool.run(&[command, "1", "--pool", "nosuch"]).code, 4);
    }
    pool.run(&["claim", "trip-planner", "--pool", "research"])
        .done();
    let listed = pool.run(&["list", "--pool", "research"]).done().json();
    assert_eq!(listed["instances"].as_array().unwrap().len(), 1);
    let refused = pool.run(&["pools", "delete", "research"]);
    assert_eq!(
        (refused.code, &refused.error()["code"]),
        (7, &"pool_in_use".into())
    );
    let deleted = pool
        .run(&["pools", "delete", "research", "--move-to", "default"])
        .done()
        .json();
    assert_eq!(deleted["moved"], 1);
}

#[test]
fn infra_options_are_applied_once_shown_and_compared() {
    let pool = Pool::empty();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pools.toml");
    let path = file.to_str().unwrap();
    let apply = |options: &str| {
        let recipe = format!(
            "[pools.large.recipe]\ninfra_options = {{ {options} }}\n[pools.large.policy]\nmin_idle = 1\n"
        );
        std::fs::write(&file, recipe).unwrap();
        pool.run(&["pools", "apply", "-f", path])
    };
    let first = apply("memoryMb = 1024").done().json().to_string();
    assert!(
        first.contains("+ recipe.infraOptions.memoryMb: 1024"),
        "{first}"
    );
    assert_eq!(apply("memoryMb = 1024").done().json(), json!([]));
    let shown = pool
        .run(&["pools", "show", "large", "--human"])
        .done()
        .stdout;
    assert!(
        shown.contains("Infra option       memoryMb=1024"),
        "{shown}"
    );
    pool.until(|counts| counts["idle"] == 1);

    let second = apply("memoryMb = 2048").done().json().to_string();
    assert!(
        second.contains("~ recipe.infraOptions.memoryMb: 1024 -> 2048"),
        "{second}"
    );
    let refused = apply("memory = 2048");
    assert_eq!(refused.code, 2, "{refused:?}");
    let error = refused.error()["error"].to_string();
    assert!(
        error.contains("memoryMb"),
        "it names the known options: {error}"
    );
}
