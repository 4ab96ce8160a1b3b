//! Codes and statuses are API. Fault and effect decide what happens to an instance on which a claim failed.

use super::*;

/// Word, status, fault, effect.
const PINNED: &str = "
bad_request 400 Request NotDone
malformed_json 400 Request NotDone
invalid_field 400 Request NotDone
broken_body 400 Request NotDone
body_timeout 408 Request NotDone
length_required 411 Request NotDone
body_too_large 413 Request NotDone
unsupported_media_type 415 Request NotDone
unauthorized 401 Request NotDone
too_many_wrong_keys 429 Request NotDone
unknown_route 404 Request NotDone
method_not_allowed 405 Request NotDone
foreign_form 403 Request NotDone
readers_read 403 Request NotDone
invalid_idempotency_key 400 Request NotDone
idempotency_key_reused 422 Request NotDone
unknown_template 404 Request NotDone
no_idle_instance 503 Ours NotDone
hung_up 503 Request NotDone
superseded 503 Ours Unknown
claim_timed_out 504 Ours Unknown
claim_failed 502 Instance Unknown
runtime_refused 422 Request NotDone
services_unavailable 503 Ours Unknown
services_timed_out 504 Ours Unknown
services_refused 502 Ours NotDone
services_failed 502 Ours Unknown
unknown_pool 404 Request NotDone
pool_in_use 409 Request NotDone
pool_changed 409 Request NotDone
no_rollout 409 Request NotDone
not_crashed 409 Request NotDone
instance_protected 409 Request NotDone
not_protectable 409 Request NotDone
not_claimed 404 Request NotDone
not_pending 409 Request NotDone
tool_not_on_demand 403 Request NotDone
unknown_webhook 404 Request NotDone
tick_taken_over 503 Ours Unknown
unknown_instance 404 Instance NotDone
instance_busy 409 Instance NotDone
instance_destroying 409 Instance NotDone
instance_unfinished 409 Instance NotDone
instance_gone 409 Instance Unknown
other_tools 409 Request NotDone
other_infra 409 Request NotDone
image_not_allowed 422 Request NotDone
instance_limit 409 Ours NotDone
grant_limit 429 Request NotDone
destroy_incomplete 503 Provider Unknown
environment_taken 409 Ours NotDone
unknown_tool 400 Request NotDone
unknown_infra 400 Request NotDone
provider_unconfigured 422 Ours NotDone
tools_clash 409 Request NotDone
already_provisioned 409 Instance NotDone
unknown_resource 404 Request NotDone
sweep_running 409 Ours NotDone
not_swept 404 Ours NotDone
vendor_unauthorized 502 Ours NotDone
vendor_refused 502 Provider NotDone
vendor_not_found 502 Provider Unknown
vendor_conflict 503 Provider Unknown
vendor_invalid 502 Provider Unknown
vendor_rate_limited 503 Provider Unknown
vendor_unavailable 503 Provider Unknown
vendor_protocol 502 Provider Unknown
unsupported 501 Provider NotDone
provider_defect 500 Provider Unknown
shutting_down 503 Ours NotDone
not_ready 503 Instance NotDone
database_unavailable 503 Ours NotDone
corrupt_row 500 Ours Unknown
secret_unreadable 500 Ours Unknown
internal_error 500 Ours Unknown
join_failed 422 Request Unknown
unknown_conversation 404 Request NotDone
message_too_long 413 Request NotDone
not_written 500 Instance Unknown
without_code 502 Ours Unknown
";

#[test]
fn the_word_status_fault_and_effect_of_every_code_are_pinned() {
    let rows = ProblemCode::ALL.iter().map(|code| {
        let (status, fault, effect) = (code.status(), code.fault(), code.effect());
        format!("{code} {status} {fault:?} {effect:?}")
    });
    let pinned: Vec<&str> = PINNED.trim().lines().collect();
    assert_eq!(rows.collect::<Vec<_>>(), pinned);
}

#[test]
fn every_code_is_read_as_it_is_written() {
    for code in ProblemCode::ALL {
        let json = serde_json::to_string(code).unwrap();
        assert_eq!(serde_json::from_str::<ProblemCode>(&json).unwrap(), *code);
    }
}

#[test]
fn a_word_of_another_version_is_kept_as_a_short_plain_word() {
    assert_eq!(ProblemCode::from("new_in_2030").as_str(), "new_in_2030");
    assert_eq!(ProblemCode::from("a\u{1b}[2Jb c").as_str(), "a_[2Jb_c");
    let long = ProblemCode::from(&*"x".repeat(9_999));
    assert_eq!(long.as_str().len(), LONGEST_WORD);
}
