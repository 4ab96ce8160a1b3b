//! `claim` and `templates`.

use std::io::Read as _;
use std::net::{Shutdown, TcpListener, TcpStream};

use chrono::{DateTime, Utc};

use crate::stack::{Pool, eventually};

#[test]
fn a_template_is_claimed_and_ends_with_its_invite_link() {
    let pool = Pool::warm(2);
    let templates = pool.run(&["templates"]).done().json();
    assert_eq!(templates[0]["slug"], "trip-planner");
    let table = pool.run(&["templates", "--human"]).done().stdout;
    assert!(
        table.starts_with("SLUG") && table.contains("Trip Planner"),
        "{table}"
    );

    let claimed = pool.run(&["claim", "trip-planner"]).done();
    assert_eq!(claimed.stderr, "", "steps are for people");
    let claimed = claimed.json();
    assert!(
        claimed["inviteUrl"].as_str().unwrap().starts_with("http"),
        "{claimed}"
    );
    let listed = pool.run(&["list", "--status", "claimed"]).done().json();
    assert_eq!(
        listed["instances"][0]["agentName"], "Trip Planner",
        "{listed}"
    );
    assert_eq!(listed["instances"][0]["id"], claimed["instanceId"]);

    let output = pool
        .run(&["claim", "--human", "--name", "Tulip", "--wait", "60"])
        .done();
    assert!(output.stdout.starts_with("Tulip is ready"), "{output:?}");
    assert!(output.stdout.contains("\n  invite    http"), "{output:?}");
    for step in ["reserved", "configured", "provisioned", "recorded"] {
        assert!(output.stderr.contains(&format!("✓ {step} ")), "{output:?}");
    }
}

#[test]
fn instructions_come_from_a_file_or_the_standard_input() {
    let pool = Pool::warm(1);
    let by_input = [
        "claim",
        "--name",
        "Rose",
        "--instructions-file",
        "-",
        "--wait",
        "60",
    ];
    pool.run_with_input(&by_input, "You know roses.").done();
    let nowhere = [
        "claim",
        "--name",
        "Rose",
        "--instructions-file",
        "/nonexistent",
    ];
    let refused = pool.run(&nowhere);
    assert_eq!(refused.code, 2);
    let error = refused.error()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("/nonexistent"), "{error}");
    let both = ["claim", "trip-planner", "--instructions", "x"];
    assert_eq!(pool.run(&both).code, 2);
}

#[test]
fn asked_for_again_with_the_same_key_it_is_the_same_claim() {
    let pool = Pool::warm(2);
    let order = ["claim", "--name", "Tulip", "--idempotency-key", "k1"];
    let first = pool.run(&order).done().json();
    assert_eq!(pool.run(&order).done().json(), first);
    let other = pool.run(&["claim", "--name", "Rose", "--idempotency-key", "k1"]);
    assert_eq!(
        (other.code, &other.error()["code"]),
        (2, &"idempotency_key_reused".into())
    );
}

#[test]
fn where_nothing_is_idle_it_says_so_or_waits() {
    let pool = Pool::empty();
    let none = pool.run(&["claim", "trip-planner"]);
    assert_eq!(none.code, 3);
    assert_eq!(none.stdout, "");
    let error = none.error();
    assert_eq!(
        (&error["code"], &error["exitCode"]),
        (&"no_idle_instance".into(), &3.into())
    );
    assert!(
        error["hint"].as_str().unwrap().contains("--wait"),
        "{error}"
    );

    let waited = std::thread::scope(|scope| {
        let claim = scope.spawn(|| pool.run(&["claim", "trip-planner", "--wait", "60"]));
        pool.run(&["replenish", "1"]).done();
        claim.join().unwrap()
    });
    assert!(waited.done().json()["inviteUrl"].is_string());
}

/// Passes connections on to `url`, but cuts the first once its answer begins.
fn cutting_proxy(url: &str) -> String {
    let upstream = url
        .trim_end_matches('/')
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (index, client) in listener.incoming().enumerate() {
            let (mut client, mut server) =
                (client.unwrap(), TcpStream::connect(&upstream).unwrap());
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            if index == 0 {
                _ = server.read(&mut [0; 1024]).unwrap();
                client.shutdown(Shutdown::Both).ok();
            } else {
                std::thread::spawn(move || std::io::copy(&mut server, &mut client));
            }
        }
    });
    format!("http://{address}")
}

#[test]
fn a_claim_whose_connection_breaks_is_asked_for_again_and_stays_one() {
    let pool = Pool::warm(2);
    let url = cutting_proxy(pool.url());
    let claim = ["claim", "--name", "Tulip", "--url", &url];
    let claimed = pool.run(&claim).done().json();
    let listed = pool.run(&["list", "--search", "Tulip"]).done().json();
    let ids: Vec<_> = listed["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"])
        .collect();
    assert_eq!(ids, [&claimed["instanceId"]], "{listed}");
}

#[test]
fn an_unknown_template_is_not_found() {
    let pool = Pool::empty();
    let refused = pool.run(&["claim", "nosuch"]);
    assert_eq!(
        (refused.code, &refused.error()["code"]),
        (4, &"unknown_template".into())
    );
}

#[test]
fn an_agent_ends_when_its_claim_says() {
    let pool = Pool::warm(2);
    let claim = |ttl: &str| {
        let claimed = pool.run(&["claim", "trip-planner", "--ttl", ttl]).done();
        claimed.json()["instanceId"].as_str().unwrap().to_owned()
    };
    let long = claim("3600");
    let shown = pool.run(&["show", &long]).done().json();
    let time = |member: &str| -> DateTime<Utc> {
        let text = shown["instance"][member].as_str();
        text.unwrap_or_else(|| panic!("no {member}: {shown}"))
            .parse()
            .unwrap()
    };
    assert_eq!((time("endsAt") - time("claimedAt")).num_seconds(), 3_600);
    let page = pool.run(&["show", &long, "--human"]).done().stdout;
    let end = format!("ends      {}", time("endsAt").format("%F %H:%M UTC"));
    assert!(page.contains(&end), "{page}");

    let short = claim("2");
    eventually(|| {
        let known = pool.run(&["show", &short]).done().json();
        known["instance"].is_null().then_some(()).ok_or(known)
    });
    let events = pool.run(&["show", &short]).done().json()["events"].to_string();
    assert!(events.contains("\"ending_soon\""), "{events}");
    assert_eq!(pool.ids("claimed"), [long]);
    for wrong in ["0", "31536001", "soon"] {
        let refused = pool.run(&["claim", "trip-planner", "--ttl", wrong]);
        assert_eq!(refused.code, 2, "{wrong}: {refused:?}");
    }
}

#[test]
fn a_template_names_its_pool_and_the_command_line_wins() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let scout = r#"[{"slug": "scout", "name": "Scout", "emoji": "", "category": "", "description": "", "instructions": "Look.",
                     "pool": "research"}]"#;
    let templates = file("templates.json", scout);
    let pool = Pool::with(&[("POOL_TEMPLATES_FILE", &templates)]);
    let unknown = pool.run(&["claim", "scout"]);
    assert_eq!(
        (unknown.code, &unknown.error()["code"]),
        (4, &"unknown_pool".into())
    );
    let pools = file("pools.toml", "[pools.research]\n");
    pool.run(&["pools", "apply", "-f", &pools]).done();
    pool.run(&["replenish", "1", "--pool", "research", "--wait"])
        .done();
    assert_eq!(pool.run(&["claim", "scout", "--pool", "default"]).code, 3);
    let claimed = pool.run(&["claim", "scout"]).done().json();
    let listed = pool.run(&["list", "--pool", "research"]).done().json();
    assert_eq!(
        listed["instances"][0]["id"], claimed["instanceId"],
        "{listed}"
    );
}
