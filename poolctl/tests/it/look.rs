//! `show`, `logs`, `providers` and `completions`.

use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use crate::process::{program, run};
use crate::stack::{Pool, eventually, shared};

#[test]
fn an_instance_is_shown_with_its_tools_usage_and_history() {
    let pool = Pool::warm(1);
    let claimed = pool.run(&["claim", "trip-planner"]).done().json();
    let id = claimed["instanceId"].as_str().unwrap();
    let keys = shared().cloud.state().openrouter.keys;
    let key = keys.iter().find(|key| key.name.contains(id)).unwrap();
    shared().cloud.spend(&key.hash, 1.5);

    let shown = pool.run(&["show", id]).done().json();
    assert_eq!(shown["instance"]["status"], "claimed");
    let tools = shown["details"]["tools"].as_array().unwrap();
    assert_eq!(tools[1]["toolId"], "openrouter");
    assert_eq!(tools[1]["resourceId"], key.hash);
    assert!(tools[1]["usage"].to_string().contains("1.5"), "{tools:?}");
    let moves = shown["events"].as_array().unwrap().iter();
    let moves: Vec<_> = moves.rev().map(|it| it["to"].as_str().unwrap()).collect();
    assert_eq!(moves, ["starting", "idle", "claiming", "claimed"]);

    let log = pool.run(&["events", id]).done().json();
    let by = |cause: &str| {
        let events = log["events"].as_array().unwrap();
        let found = events.iter().find(|it| it["cause"] == cause).unwrap();
        (found["principal"].clone(), found["source"].clone())
    };
    assert_eq!(by("claim"), ("api".into(), "127.0.0.1".into()));
    let table = pool.run(&["events", "-n", "3", "--human"]).done().stdout;
    assert!(
        table.contains("provisioned") && table.contains("api from 127.0.0.1"),
        "{table}"
    );

    let page = pool.run(&["show", id, "--human"]).done().stdout;
    for text in [
        "claimed\n",
        "  agent     Trip Planner\n",
        "\nInfrastructure\n",
        "  Provider    railway\n",
        "  Deployment  SUCCESS\n",
        "\nopenrouter\n",
        &key.hash,
        "Timeline\n",
    ] {
        assert!(page.contains(text), "{text:?}: {page}");
    }
    pool.run(&["kill", id, "--wait"]).done();
    let gone = pool.run(&["show", id, "--human"]).done().stdout;
    assert!(
        gone.starts_with(&format!("{id}  destroyed\n")) && gone.contains("claimed"),
        "{gone}"
    );
    let nobody = pool.run(&["show", "aaaaaaaaaaaa"]);
    assert_eq!(
        (nobody.code, &nobody.error()["code"]),
        (4, &"unknown_instance".into())
    );
}

#[test]
fn without_services_an_instance_is_shown_as_pool_knows_it() {
    let pool = Pool::warm(1);
    let id = &pool.ids("idle")[0];
    let variables = &pool.variables()[..2];
    let page = run(variables, ["show", id, "--human"]).done().stdout;
    assert!(
        page.contains("SERVICES_URL") && page.contains("Timeline"),
        "{page}"
    );
    let refused = run(variables, ["logs", id]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.error()["hint"]
            .as_str()
            .unwrap()
            .contains("SERVICES_URL")
    );
}

#[test]
fn the_logs_of_an_instance_are_those_that_its_infra_has() {
    let pool = Pool::warm(1);
    let id = &pool.ids("idle")[0];
    let logs = eventually(|| {
        let logs = pool.run(&["logs", id, "--lines", "5"]).done().json();
        let some = !logs["lines"].as_array().unwrap().is_empty();
        if some { Ok(logs) } else { Err(logs) }
    });
    let text = logs["lines"][0]["text"].as_str().unwrap();
    let message = pool.run(&["logs", id, "--human"]).done().stdout;
    assert!(message.contains(text), "{message}");
    let page = pool.run(&["show", id, "--logs", "--human"]).done().stdout;
    assert!(page.contains("\nLogs\n") && page.contains(text), "{page}");
    assert_eq!(pool.run(&["logs", "aaaaaaaaaaaa"]).code, 4);
}

#[test]
fn providers_are_listed_with_their_faults() {
    let pool = Pool::empty();
    let registry = pool.run(&["providers"]).done().json();
    let ids = registry["infra"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"]);
    assert!(ids.clone().any(|id| id == "railway"), "{registry}");
    let table = pool
        .run(&["providers", "--human", "--settings"])
        .done()
        .stdout;
    let line = |id: &str| table.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(line("railway ").contains("infra, selected"), "{table}");
    assert!(line("telnyx ").contains("not configured"), "{table}");
    assert!(
        table.contains("telnyx: TELNYX_API_KEY is required"),
        "{table}"
    );
    assert!(table.contains("\n  OPENROUTER_KEY_LIMIT "), "{table}");
}

#[test]
fn each_change_of_the_fleet_is_a_line_for_programs() {
    let pool = Pool::empty();
    let watch = ["watch", "--interval", "0.1"];
    let mut child = program(&pool.variables()).args(watch).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut counts = || -> Value {
        let line = lines.next().unwrap().unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["counts"].clone()
    };
    assert_eq!(counts()["idle"], 0);
    pool.run(&["replenish", "1"]).done();
    while counts()["idle"] == 0 {}
    child.kill().unwrap();
    child.wait().unwrap();
    let drawn = pool.run(&["watch", "--human"]);
    assert_eq!(drawn.code, 2, "there is no terminal");
}

#[test]
fn completions_are_made_for_each_shell() {
    for (shell, has) in [
        ("bash", "complete -F _poolctl"),
        ("zsh", "#compdef poolctl"),
        ("fish", "complete -c poolctl"),
    ] {
        let script = run(&[], ["completions", shell]).done().stdout;
        assert!(
            script.contains(has) && script.contains("replenish"),
            "{shell}"
        );
        assert!(
            !script.contains("agent-runtime"),
            "{shell} offers a hidden part"
        );
    }
    assert_eq!(run(&[], ["completions", "tcsh"]).code, 2);
}
