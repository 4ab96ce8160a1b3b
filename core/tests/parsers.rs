//! Property tests of the parsers of foreign input: any input is accepted or refused, and an accepted value satisfies
//! the promises of its type.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use agent_pool_core::http::retry_after;
use agent_pool_core::wire::pool::{ClaimOutcome, ClaimRequest, PoolStatus};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::runtime::{Acceptance, Health, ProvisionRequest, Provisioned};
use agent_pool_core::wire::services::{
    CreateInstanceRequest, InstanceDetails, RegistryReply, StatusBatch, SweepReport,
};
use agent_pool_core::wire::{
    AgentMetadata, AgentName, ConversationId, Instructions, InviteUrl, JoinUrl, ProfileImage,
};
use agent_pool_core::{
    EnvName, EnvironmentName, InfraId, InstanceId, ResourceId, ServiceId, ToolId, escape_value,
    is_unsafe, safe_line, safe_text, unescape_value,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// JSON of any form, most of it with members that our types have.
fn any_json() -> impl Strategy<Value = Value> {
    let names = "(id|status|ready|joined|inviteUrl|conversationId|instanceId|code|detail|error|retryAfter|url|healthy|services|\
                 agentName|joinUrl|metadata|instances|counts|[a-z]{0,6})";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(?s).{0,30}".prop_map(Value::from),
        "(https?|convos|javascript)://[a-z./:@]{0,20}".prop_map(Value::from),
        "[0-9a-z]{12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..8).prop_map(Value::from_iter),
        ]
    })
}

/// Requires that a parsed value can be serialised and parsed again to the same value.
fn comes_back<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(json: &Value) {
    if let Ok(read) = serde_json::from_value::<T>(json.clone()) {
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<T>(&written).unwrap(), read);
    }
}

proptest! {
    #[test]
    fn an_id_is_refused_or_comes_back(text in "(?s)(.{0,70}|[0-9A-Za-z_-]{12}|[a-z0-9-]{1,40})") {
        macro_rules! check {
            ($($id:ty),*) => {$(
                if let Ok(id) = text.parse::<$id>() {
                    prop_assert_eq!(id.to_string(), text.clone());
                    prop_assert!(!text.chars().any(is_unsafe));
                }
            )*};
        }
        check!(InstanceId, ToolId, InfraId, ServiceId, ResourceId, EnvironmentName);
        if let Err(error) = text.parse::<InstanceId>() {
            prop_assert!(error.to_string().chars().count() < 400);
        }
        let _ = text.parse::<EnvName>();
    }

    #[test]
    fn a_text_of_a_person_or_a_runtime_is_refused_or_bounded_and_plain(
        text in "(?s)(.{0,80}|(https?|convos|data|javascript):.{0,40}|https://[a-z.]{1,20}/.{0,20})"
    ) {
        if let Ok(name) = AgentName::try_from(text.clone()) {
            prop_assert!(name.as_str().chars().count() <= AgentName::MAX_CHARS);
            prop_assert!(!name.as_str().chars().any(is_unsafe));
        }
        if let Ok(instructions) = Instructions::try_from(text.clone()) {
            prop_assert!(!instructions.as_str().contains('\0'));
        }
        if let Ok(id) = ConversationId::try_from(text.clone()) {
            prop_assert!(!id.as_str().chars().any(|c| is_unsafe(c) || c.is_whitespace()));
        }
        let urls = [
            InviteUrl::try_from(text.clone()).map(String::from),
            ProfileImage::try_from(text.clone()).map(String::from),
        ];
        for url in urls.into_iter().flatten() {
            let scheme = url::Url::parse(&url).unwrap().scheme().to_owned();
            prop_assert!(matches!(scheme.as_str(), "http" | "https"), "{}", url);
            prop_assert!(!url.chars().any(is_unsafe));
        }
        if let Ok(link) = JoinUrl::try_from(text.clone()) {
            prop_assert!(!matches!(link.scheme(), Some("javascript" | "data" | "file")));
            prop_assert!(!link.as_str().chars().any(is_unsafe));
            prop_assert_eq!(JoinUrl::try_from(link.as_str().to_owned()).unwrap(), link);
        }
    }

    #[test]
    fn any_answer_of_a_runtime_is_read_or_refused(json in any_json(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        comes_back::<Health>(&json);
        comes_back::<Provisioned>(&json);
        comes_back::<Acceptance>(&json);
        comes_back::<ProvisionRequest>(&json);
        let _ = serde_json::from_slice::<Provisioned>(&bytes);
    }

    #[test]
    fn any_body_of_our_apis_is_read_or_refused(json in any_json()) {
        comes_back::<ClaimRequest>(&json);
        comes_back::<ClaimOutcome>(&json);
        comes_back::<PoolStatus>(&json);
        comes_back::<CreateInstanceRequest>(&json);
        comes_back::<InstanceDetails>(&json);
        comes_back::<RegistryReply>(&json);
        comes_back::<StatusBatch>(&json);
        comes_back::<SweepReport>(&json);
        if let Value::Object(members) = &json {
            let size = json.to_string().len();
            let kept = AgentMetadata::try_from(Map::clone(members));
            prop_assert!(kept.is_err() || size <= AgentMetadata::MAX_BYTES);
        }
    }

    #[test]
    fn any_problem_is_read_or_refused(json in any_json()) {
        if let Ok(problem) = serde_json::from_value::<Problem>(json) {
            let word = problem.code.as_str().to_owned();
            prop_assert!(word.chars().count() <= 64 && word.chars().all(|c| c.is_ascii_graphic()));
        }
    }

    #[test]
    fn foreign_text_is_safe_and_bounded(text in "(?s).{0,60}", limit in 0_usize..50) {
        let line = safe_line(&text, limit);
        prop_assert!(!line.chars().any(is_unsafe), "{:?}", line);
        prop_assert!(line.chars().count() <= limit + 1);
        let safe = safe_text(&text, limit);
        prop_assert!(!safe.chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t'), "{:?}", safe);
    }

    #[test]
    fn a_wait_of_a_vendor_is_read_or_ignored(text in "(?s)(.{0,40}|[0-9.e+-]{0,30})") {
        let _ = retry_after::parse(&text);
    }

    #[test]
    fn an_escaped_value_comes_back(value in "(?s).{0,60}") {
        let escaped = escape_value(&value);
        prop_assert!(!escaped.contains('$'));
        prop_assert_eq!(unescape_value(&escaped), value.as_str());
        let _ = unescape_value(&value);
    }
}
