//! `pools`, and the commands that take a pool.

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
