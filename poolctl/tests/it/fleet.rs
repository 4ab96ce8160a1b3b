//! `list`, `kill`, `dismiss`, `drain` and `replenish`.

use crate::stack::{Pool, shared};

#[test]
fn the_list_is_json_for_programs_and_a_table_for_people() {
    let pool = Pool::warm(2);
    let listed = pool.run(&["list"]).done().json();
    assert_eq!(listed["counts"]["idle"], 2);
    let id = listed["instances"][0]["id"].as_str().unwrap();
    let one = pool.run(&["list", "--search", id]).done().json();
    assert_eq!(one["instances"].as_array().unwrap().len(), 1);
    assert_eq!(pool.ids("claimed"), Vec::<String>::new());

    let table = pool.run(&["list", "--human"]).done().stdout;
    assert!(
        table.starts_with("2 idle  (target: 2 idle, limit: 100 in total)\n"),
        "{table}"
    );
    assert!(
        table.contains("\nSTATUS  ID            AGENT  AGE"),
        "{table}"
    );
    assert!(table.contains(&format!("\nidle    {id}  -")), "{table}");
    assert!(
        !table.contains('\u{1b}'),
        "no colour where there is no terminal"
    );
    let none = pool
        .run(&["list", "--human", "--status", "crashed"])
        .done()
        .stdout;
    assert!(none.contains("No instance matches."), "{none}");
    assert_eq!(pool.run(&["list", "--status", "nosuch"]).code, 2);
}

#[test]
fn a_killed_instance_is_gone_and_then_not_found() {
    let pool = Pool::warm(1);
    let id = &pool.ids("idle")[0];
    let killed = pool.run(&["kill", id, "--wait"]).done().json();
    assert_eq!(killed[0]["instanceId"], **id);
    assert!(!pool.ids("idle").contains(id));
    let again = pool.run(&["kill", id]);
    assert_eq!(
        (again.code, &again.error()["code"]),
        (4, &"unknown_instance".into())
    );
    assert_eq!(pool.run(&["kill"]).code, 2);
    assert_eq!(pool.run(&["kill", "no id"]).code, 2);
}

#[test]
fn only_a_crashed_instance_is_dismissed() {
    let pool = Pool::warm(1);
    let claimed = pool.run(&["claim", "trip-planner"]).done().json();
    let id = claimed["instanceId"].as_str().unwrap();
    let early = pool.run(&["dismiss", id]);
    assert_eq!(
        (early.code, &early.error()["code"]),
        (7, &"not_crashed".into())
    );
    shared()
        .cloud
        .crash_service(&format!("ap-development-{id}"));
    pool.until(|counts| counts["crashed"] == 1);
    let message = pool
        .run(&["dismiss", id, "--human", "--yes", "--wait=60"])
        .done()
        .stdout;
    assert_eq!(message, format!("✓ {id} destroyed\n"));
}

#[test]
fn the_pool_is_replenished_and_drained_to_the_end() {
    let pool = Pool::empty();
    let made = pool.run(&["replenish", "3", "--wait"]).done();
    assert_eq!(made.stderr, "", "progress is for terminals");
    let made = made.json();
    assert_eq!(made["count"], 3, "{made}");
    assert_eq!(pool.ids("idle").len(), 3);
    let message = pool.run(&["drain", "2", "--wait", "--human"]).done().stdout;
    assert!(
        message.starts_with("✓ 2 instances destroyed: "),
        "{message}"
    );
    assert_eq!(pool.ids("idle").len(), 1);
    pool.run(&["drain", "5", "--wait"]).done();
    let nothing = pool.run(&["drain", "1"]);
    assert_eq!((nothing.code, &nothing.json()["count"]), (7, &0.into()));
    let enough = pool.run(&["replenish", "--human"]).done().stdout;
    assert!(enough.starts_with("No instance is created"), "{enough}");
    assert_eq!(pool.run(&["drain", "0"]).code, 2);
}
