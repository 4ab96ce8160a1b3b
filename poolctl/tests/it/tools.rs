//! `tools`, and a pool whose tools have phases, through real services down to the vendors.

use crate::process::run;
use crate::stack::{Pool, shared};

const PHASED: &str = r#"
[pools.phased.recipe]
tools = []
claim_tools = ["openrouter"]
demand_tools = ["agentmail"]
[pools.phased.policy]
min_idle = 1
"#;

/// The tools of an instance at the vendors.
fn at_vendors(id: &str) -> Vec<&'static str> {
    let state = shared().cloud.state();
    let marked = |label: &str| label.ends_with(id);
    let mut inboxes = state.agentmail.inboxes.iter();
    let inbox = inboxes.any(|it| it.client_id.as_deref().is_some_and(marked));
    let key = state.openrouter.keys.iter().any(|it| marked(&it.name));
    let tools = [("agentmail", inbox), ("openrouter", key)];
    let there = tools.into_iter().filter(|(_, there)| *there);
    there.map(|(tool, _)| tool).collect()
}

/// A variable of an instance at the infra.
fn variable(id: &str, name: &str) -> Option<String> {
    let state = shared().cloud.state();
    let mut services = state.railway.instances.iter();
    let service = services.find(|it| it.variables.get("INSTANCE_ID").is_some_and(|it| it == id));
    service?.variables.get(name).cloned()
}

#[test]
fn each_tool_is_made_in_its_phase_and_released_again() {
    let pool = Pool::empty();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pools.toml");
    std::fs::write(&file, PHASED).unwrap();
    pool.run(&["pools", "apply", "-f", file.to_str().unwrap()])
        .done();
    pool.until(|counts| counts["idle"] == 1);
    let id = &pool.ids("idle")[0];
    assert_eq!(at_vendors(id), [""; 0], "an idle instance costs nothing");
    let shown = pool
        .run(&["pools", "show", "phased", "--human"])
        .done()
        .stdout;
    assert!(shown.contains("Tools on demand    agentmail"), "{shown}");

    pool.run(&["claim", "--pool", "phased", "--name", "Tulip"])
        .done();
    assert_eq!(at_vendors(id), ["openrouter"]);
    assert!(variable(id, "OPENROUTER_API_KEY").is_some_and(|it| !it.is_empty()));

    // The agent itself, with the key of its instance.
    let key = variable(id, "POOL_API_KEY").unwrap();
    let own = [("POOL_URL", pool.url()), ("POOL_API_KEY", &key)];
    let added = run(&own, ["tools", "add", id, "agentmail"]).done().json();
    assert_eq!(added["delivered"], true);
    let inbox = added["variables"]["AGENTMAIL_API_KEY"].as_str().unwrap();
    assert_eq!(variable(id, "AGENTMAIL_API_KEY").as_deref(), Some(inbox));
    assert_eq!(at_vendors(id), ["agentmail", "openrouter"]);
    let refused = run(&own, ["tools", "release", id, "openrouter"]);
    assert_eq!(refused.error()["code"], "tool_not_on_demand");

    for _ in 0..2 {
        let released = pool
            .run(&["tools", "release", id, "agentmail"])
            .done()
            .json();
        assert_eq!(released["tool"], "agentmail");
        assert_eq!(at_vendors(id), ["openrouter"]);
    }
    assert_eq!(variable(id, "AGENTMAIL_API_KEY").as_deref(), Some(""));
    let again = pool
        .run(&["tools", "add", id, "agentmail", "--human"])
        .done();
    assert!(again.stdout.contains("has agentmail"), "{}", again.stdout);
    for what in ["add", "release"] {
        let unknown = pool.run(&["tools", what, id, "nosuch"]);
        assert_eq!(unknown.error()["code"], "unknown_tool");
    }
    std::fs::write(&file, PHASED.replace("agentmail", "nosuch")).unwrap();
    let unknown = pool.run(&["pools", "apply", "-f", file.to_str().unwrap()]);
    let error = unknown.error()["error"].to_string();
    assert!(
        error.contains("recipe.demandTools: unknown tool"),
        "{error}"
    );
    pool.run(&["kill", id, "--wait"]).done();
    assert_eq!(at_vendors(id), [""; 0]);
}
