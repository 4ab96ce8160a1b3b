//! `mcp`: the real program, called like an MCP host does, by JSON-RPC on its standard input and output.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::process::program;
use crate::stack::Pool;

/// A session of the program.
struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    last: u64,
}

impl Session {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut command = program(variables);
        let mut child = command.arg("mcp").stdin(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let output = BufReader::new(output);
        let mut session = Self {
            child,
            input,
            output,
            last: 0,
        };
        let greeting = session.ask(
            "initialize",
            json!({
                "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" },
            }),
        );
        assert_eq!(greeting["result"]["serverInfo"]["name"], "poolctl");
        session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        session
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let id = self.last;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }));
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        );
        answer["result"].clone()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_language_model_lists_claims_shows_and_kills() {
    let pool = Pool::warm(1);
    let mut session = Session::start(&pool.variables());
    let tools = session.ask("tools/list", json!({}))["result"]["tools"].clone();
    let mut names: Vec<_> = tools
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["claim", "kill", "list", "show"]);

    let claimed = session.call("claim", json!({ "agentName": "Tulip", "wait_seconds": 60 }));
    let claimed = &claimed["structuredContent"]["claimed"];
    let id = claimed["instanceId"].clone();
    assert!(
        claimed["inviteUrl"].as_str().unwrap().starts_with("http"),
        "{claimed}"
    );

    let listed = session.call("list", json!({ "status": "claimed" }));
    let instances = listed["structuredContent"]["instances"].as_array().unwrap();
    assert!(instances.iter().any(|it| it["id"] == id), "{instances:?}");

    let shown = session.call("show", json!({ "instance_id": id }));
    let shown = &shown["structuredContent"];
    assert_eq!(shown["instance"]["agentName"], "Tulip");
    assert_eq!(shown["events"][0]["to"], "claimed");

    let killed = session.call("kill", json!({ "instance_id": id }));
    assert_eq!(killed["structuredContent"]["ok"], true, "{killed}");
}

#[test]
fn what_the_pool_refuses_is_an_error_that_the_model_can_read() {
    let pool = Pool::warm(0);
    let mut session = Session::start(&pool.variables());
    let refused = session.call("show", json!({ "instance_id": "nothinghere0" }));
    assert_eq!(refused["isError"], true, "{refused}");
    let text = refused["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("cannot show: "), "{text}");
}
