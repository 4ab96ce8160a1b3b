//! Errors before a request is sent, and during a request.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};

use crate::process::run;
use crate::stack::{KEY, Pool, nobody};

/// The commands that need the services, with arguments that change nothing.
const ASKING: [&[&str]; 4] = [
    &["list"],
    &["claim", "trip-planner"],
    &["kill", "aaaaaaaaaaaa"],
    &["drain", "1"],
];

#[test]
fn a_wrong_key_is_refused_and_not_shown() {
    let pool = Pool::empty();
    for arguments in [
        &["list"][..],
        &["kill", "aaaaaaaaaaaa"],
        &["providers"],
        &["watch"],
    ] {
        let variables = [
            pool.variables()[0],
            ("POOL_API_KEY", "wrong-hunter3"),
            pool.variables()[2],
        ];
        let refused = run(&variables, arguments);
        assert_eq!(refused.code, 5, "{refused:?}");
        assert_eq!(refused.error()["code"], "unauthorized");
        assert!(!format!("{refused:?}").contains("hunter3"), "{refused:?}");
    }
    let unsendable = run(&pool.variables()[..1], ["list", "--key", "hunter3\u{7f}"]);
    assert_eq!(unsendable.code, 2);
    assert!(
        !format!("{unsendable:?}").contains("hunter3"),
        "{unsendable:?}"
    );
}

#[test]
fn what_cannot_be_reached_is_named() {
    let (_socket, url) = nobody();
    for arguments in ASKING {
        let lost = run(&[("POOL_URL", &url), ("POOL_API_KEY", KEY)], arguments);
        assert_eq!(lost.code, 6, "{lost:?}");
        let error = lost.error();
        assert_eq!(error["code"], "unreachable");
        assert!(error["error"].as_str().unwrap().contains(&url), "{error}");
        assert!(!lost.stderr.contains(KEY));
    }
}

#[test]
fn another_server_is_not_taken_for_pool() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            _ = stream.read(&mut [0; 4096]).unwrap();
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
            stream.write_all(answer.as_bytes()).ok();
            stream.shutdown(Shutdown::Write).ok();
            // A request that is not read completely would reset the connection, and the answer could be lost.
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        }
    });
    let garbled = run(&[("POOL_URL", &url), ("POOL_API_KEY", KEY)], ["list"]);
    assert_eq!(
        (garbled.code, &garbled.error()["code"]),
        (1, &"garbled".into())
    );
}

#[test]
fn the_address_of_the_pool_is_required() {
    let lost = run(&[], ["list"]);
    assert_eq!(lost.code, 2);
    assert!(
        lost.error()["hint"]
            .as_str()
            .unwrap()
            .contains("poolctl up")
    );
    let keyless = run(&[("POOL_URL", "http://127.0.0.1:9")], ["list"]);
    assert!(
        keyless.error()["hint"]
            .as_str()
            .unwrap()
            .contains("POOL_API_KEY")
    );
    let no_url = run(&[("POOL_API_KEY", KEY)], ["list", "--url", "ftp://h"]);
    assert_eq!(no_url.code, 2);
    let nothing = run(&[], [""; 0]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.stderr.contains("Exit codes"), "{nothing:?}");
}

#[test]
fn help_shows_no_key_and_no_hidden_part() {
    let variables = [("POOL_API_KEY", KEY), ("POOL_URL", "http://secret-host")];
    let help = run(&variables, ["--help"]).done().stdout;
    assert!(
        help.contains("Exit codes: 0 success") && help.contains("[env: POOL_API_KEY]"),
        "{help}"
    );
    assert!(
        !help.contains(KEY) && !help.contains("secret-host"),
        "{help}"
    );
    let version = run(&[], ["--version"]).done().stdout;
    let expected = agent_pool_core::version_with_commit(env!("CARGO_PKG_VERSION"));
    assert_eq!(version, format!("poolctl {expected}\n"));
}

#[test]
fn errors_are_words_for_people() {
    let words = run(
        &[("POOL_URL", "http://127.0.0.1:9"), ("POOL_API_KEY", KEY)],
        ["list", "--human"],
    );
    let lines: Vec<_> = words.stderr.lines().collect();
    assert!(
        lines[0].starts_with("error: cannot list the instances: Pool cannot be reached"),
        "{words:?}"
    );
    assert!(lines[1].starts_with("hint: "), "{words:?}");
}
