//! The answers of the fake Services to reads.

use agent_pool_core::InstanceId;
use serde_json::{Value, json};

use super::Instance;

/// The answer of a runtime that became an agent.
pub(super) fn provisioned(id: &InstanceId, body: &Value) -> Value {
    let join = body["joinUrl"].as_str();
    let invite = join.map_or_else(|| format!("https://chat/{id}"), str::to_owned);
    json!({"conversationId": format!("c-{id}"), "inviteUrl": invite, "joined": join.is_some()})
}

/// The recipe with this hash.
pub(super) fn made_from(hash: Option<&str>) -> Value {
    let values = json!({"names": [], "fingerprint": ""});
    json!({"hash": hash.unwrap_or("0000000000000000"), "infra": "railway", "image": "agent:1", "tools": [],
           "variables": values, "settings": values})
}

pub(super) fn registry() -> Value {
    let usual = |id: &str, name: &str| {
        json!({"id": id, "name": name, "configured": true, "settings": [],
               "stats": {"calls": 412, "failures": {}, "medianMs": 180, "p95Ms": 640}})
    };
    let mut railway = usual("railway", "Railway");
    railway["selected"] = true.into();
    railway["stats"] = json!({"calls": 1904, "failures": {}, "medianMs": 2210, "p95Ms": 14800});
    let mut openrouter = usual("openrouter", "OpenRouter");
    let now = chrono::Utc::now();
    openrouter["stats"]["failures"] = json!({"rate_limited": 7, "unavailable": 1});
    openrouter["stats"]["lastError"] = json!({"kind": "rate_limited", "at": now, "message": "too many requests: try again in 20 s"});
    let mut telnyx = usual("telnyx", "Telnyx");
    telnyx["configured"] = false.into();
    telnyx["faults"] = json!(["TELNYX_API_KEY is missing"]);
    telnyx["stats"] = json!({"calls": 0, "failures": {}});
    let mut tools = [usual("agentmail", "AgentMail"), openrouter, telnyx];
    for tool in &mut tools {
        tool["mode"] = "per-instance-key".into();
        tool["envKeys"] = json!([]);
    }
    let mut local = usual("local", "Local processes");
    local["selected"] = false.into();
    json!({"infra": [local, railway], "tools": tools})
}

/// Whether a sweep is asked to destroy the orphan of [`sweep_report`].
pub(super) fn is_lost_inbox(one: &Value) -> bool {
    *one == json!({"provider": "agentmail", "resourceId": "inbox-lost@agents.example"})
}

pub(crate) fn sweep_report(destroyed: bool) -> Value {
    let at = "2026-11-25T06:00:00Z";
    json!({"sweptAt": chrono::Utc::now(), "replica": "r1", "tookMs": 1830,
        "orphans": [{"provider": "agentmail", "resourceId": "inbox-lost@agents.example",
                     "instanceId": "lostlostlost", "createdAt": at, "destroyed": destroyed}],
        "missing": [{"provider": "openrouter", "resourceId": "or-key-gone",
                     "instanceId": "gonegonegone", "since": at, "repaired": false}],
        "failures": {"telnyx": "it is not configured"}})
}

/// Pool reads only the document; the other members do not matter here.
pub(super) fn details(id: &InstanceId, instance: &Instance) -> Value {
    let created = json!({"label": "Created", "value": "2026-11-25 06:00 UTC"});
    json!({"instanceId": id, "infra": "opaque", "tools": 7, "document": {"sections": [
        {"title": "Infrastructure", "rows": [
            {"label": "Provider", "value": "railway"},
            {"label": "State", "value": "created"},
            {"label": "Service", "value": format!("s-{id}")},
            {"label": "Deployment", "value": instance.deploy},
            {"label": "Image", "value": "ghcr.io/acme/runtime:1.4.2"},
            {"label": "URL", "value": "https://agents.example/a", "link": "https://agents.example/a"},
            created]},
        {"title": "agentmail", "rows": [
            {"label": "State", "value": "active"},
            {"label": "Resource", "value": "inbox-17@agents.example"},
            {"label": "Usage (messages)", "value": "12"},
            {"label": "Usage (threads)", "value": "3"},
            created]},
        {"title": "openrouter", "rows": [
            {"label": "State", "value": "active"},
            {"label": "Resource", "value": "or-key-9f3c"},
            {"label": "Usage (usd)", "value": "0.4275"},
            created]},
        {"title": "telnyx", "rows": [
            {"label": "State", "value": "active"},
            {"label": "Resource", "value": "+14155550123"},
            {"label": "phone_number", "value": "<b>+14155550123</b>"},
            created]}]}})
}

pub(crate) fn logs(id: &InstanceId) -> Value {
    json!({"instanceId": id, "lines": [
        {"at": "2026-11-25T06:00:00Z", "text": "listening on port 8080"},
        {"text": "<b>not markup</b>"}]})
}

pub(crate) fn updated(id: &InstanceId) -> Value {
    json!({"instanceId": id, "toolId": "openrouter", "ok": true})
}

/// The variable of a tool.
pub(crate) fn variable(tool: &str) -> String {
    format!("{}_KEY", tool.to_uppercase())
}

pub(super) fn ensured(id: &InstanceId, tools: &[String], made: &[&String]) -> Value {
    let resource = |tool: &String| (tool.clone(), json!({"resourceId": format!("{tool}-{id}")}));
    let secret = |tool: &String| (variable(tool), json!(format!("hunter2-{tool}")));
    json!({"instanceId": id, "made": made,
           "tools": tools.iter().map(resource).collect::<serde_json::Map<_, _>>(),
           "variables": tools.iter().map(secret).collect::<serde_json::Map<_, _>>()})
}
