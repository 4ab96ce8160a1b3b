//! `webhooks` and `explain`.

use crate::stack::Pool;

#[test]
fn webhooks_are_added_listed_tested_and_removed() {
    let pool = Pool::empty();
    let url = "https://hooks.example.invalid/hook?token=hunter2";
    let added = pool
        .run(&["webhooks", "add", url, "--event", "instance.claimed"])
        .done()
        .json();
    assert!(
        added["secret"].as_str().unwrap().starts_with("whsec_"),
        "{added}"
    );
    let id = added["id"].as_str().unwrap();
    let listed = pool.run(&["webhooks", "--human"]).done().stdout;
    assert!(
        listed.contains(id) && listed.contains("https://hooks.example.invalid"),
        "{listed}"
    );
    assert!(!listed.contains("hunter2"), "{listed}");
    pool.run(&["webhooks", "test", id]).done();
    let log = pool.run(&["webhooks", "deliveries"]).done().json();
    assert_eq!(log["deliveries"][0]["event"], "webhook.test");
    let delivery = log["deliveries"][0]["id"].to_string();
    pool.run(&["webhooks", "resend", &delivery]).done();
    pool.run(&["webhooks", "remove", id]).done();
    let again = pool.run(&["webhooks", "remove", id]);
    assert_eq!(
        (again.code, &again.error()["code"]),
        (4, &"unknown_webhook".into())
    );
    let refused = pool.run(&["webhooks", "add", "http://127.0.0.1/"]);
    assert_eq!(refused.error()["code"], "invalid_field");
    assert_eq!(
        pool.run(&["webhooks", "add", url, "--event", "nosuch"])
            .code,
        2
    );
}

#[test]
fn an_instance_is_explained_in_sentences() {
    let pool = Pool::warm(1);
    let id = pool.ids("idle").remove(0);
    let told = pool.run(&["explain", &id, "--human"]).done().stdout;
    assert!(told.contains("It was made to fill the pool"), "{told}");
    assert!(told.contains("It has been idle for"), "{told}");
    let unknown = pool.run(&["explain", "k3v9x0a1b2c3"]);
    assert_eq!(unknown.code, 4);
}

#[test]
fn a_pool_is_explained_and_its_log_replayed() {
    let pool = Pool::warm(1);
    let told = pool
        .run(&["explain", "--pool", "default", "--human"])
        .done()
        .stdout;
    assert!(
        told.contains("It keeps 1 idle: the policy sets 1."),
        "{told}"
    );
    let replayed = pool
        .run(&["simulate", "--hit-rate", "99%", "--since", "7d"])
        .done()
        .json();
    assert_eq!(replayed["current"]["policy"], "1 idle");
    let table = pool
        .run(&["simulate", "--human", "--cost-per-hour", "0.1"])
        .done()
        .stdout;
    assert!(
        table.contains("now: 1 idle") && table.contains("best fixed:"),
        "{table}"
    );
    assert_eq!(pool.run(&["simulate", "--hit-rate", "100%"]).code, 2);
    assert_eq!(pool.run(&["simulate", "--pool", "nosuch"]).code, 4);
    for command in ["simulate", "explain"] {
        assert_eq!(pool.run(&[command, "--pool", "No Name"]).code, 2);
    }
}
