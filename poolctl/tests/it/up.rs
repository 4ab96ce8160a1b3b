//! `up`, and how the other commands find the stack that it runs.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process::{program, run};

/// Stops the stack, also if the test fails.
struct Stack(Child);

impl Stack {
    fn interrupt(&mut self) -> Option<i32> {
        kill(
            Pid::from_raw(self.0.id().try_into().unwrap()),
            Signal::SIGINT,
        )
        .ok();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.0.try_wait().ok().flatten().is_none() {
            self.interrupt();
        }
    }
}

#[test]
fn the_stack_comes_up_is_found_by_its_folder_and_goes_down() {
    let folder = tempfile::tempdir().unwrap();
    // Postgres enters it as another user.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let at = folder.path().to_str().unwrap();
    let variables = [("PATH", env!("PATH"))];
    let nothing = run(&variables, ["list", "--data-dir", at]);
    assert_eq!(nothing.code, 2);
    assert!(
        nothing.error()["hint"]
            .as_str()
            .unwrap()
            .contains("poolctl up")
    );

    let up = ["up", "--data-dir", at, "--port", "0", "--min-idle", "1"];
    let mut stack = Stack(
        program(&variables)
            .args(up)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(stack.0.stdout.take().unwrap()).lines();
    let mut said = String::new();
    while !said.contains("Ctrl-C stops everything") {
        let Some(line) = lines.next() else {
            let mut error = String::new();
            stack
                .0
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut error)
                .unwrap();
            panic!("{said}{error}");
        };
        said += &format!("{}\n", line.unwrap());
    }
    let key = fs::read_to_string(folder.path().join("api-key")).unwrap();
    assert!(!said.contains(key.trim()), "the key is shown:\n{said}");
    assert!(
        said.contains(&format!("poolctl claim trip-planner --data-dir {at}")),
        "{said}"
    );

    let found =
        |arguments: &[&str]| run(&variables, [arguments, &["--data-dir", at]].concat()).done();
    let claimed = found(&["claim", "trip-planner"]).json();
    assert!(claimed["inviteUrl"].is_string(), "{claimed}");
    // Services is found too, linked with the providers of the harness.
    let registry = found(&["providers"]).json();
    assert!(
        registry["tools"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["id"] == "mock-llm"),
        "{registry}"
    );

    assert_eq!(stack.interrupt(), Some(0));
    assert_eq!(run(&variables, ["list", "--data-dir", at]).code, 2);
}
