//! The statuses and codes, which are API.

use std::collections::BTreeMap;

use agent_pool_core::settings::SettingsError;
use agent_pool_core::{InstanceId, ToolId};
use diesel::result::Error as DieselError;

use super::*;
use crate::db::RowGone;
use crate::ops::create::{CreateStep, StepFailure};
use crate::ops::destroy_tool::Target;
use agent_pool_service_kit::cipher::CipherError;

fn instance() -> InstanceId {
    "abcdefghijkl".parse().unwrap()
}

fn tool() -> ToolId {
    "acme".parse().unwrap()
}

fn vendor(kind: ErrorKind) -> StepError {
    ProviderError::new(kind, "as told").into()
}

fn left(kind: ErrorKind) -> Vec<Leftover> {
    let provider = "acme".to_owned();
    let cause = vendor(kind);
    vec![Leftover { provider, cause }]
}

fn unknown(kind: &'static str) -> LookupError {
    LookupError::Unknown {
        kind,
        id: "acme".to_owned(),
        known: "none".to_owned(),
    }
}

fn unconfigured() -> LookupError {
    LookupError::Unconfigured {
        kind: "tool",
        id: "acme".to_owned(),
        problem: SettingsError::fault("ACME_KEY", "is required"),
    }
}

fn failed(kind: ErrorKind, undo: Undo) -> CreateError {
    let failure = StepFailure {
        step: CreateStep::Start,
        cause: vendor(kind),
    };
    CreateError::Failed {
        instance: instance(),
        failure,
        undo,
        prices: BTreeMap::new(),
    }
}

#[track_caller]
fn assert_all<const N: usize>(table: [(Problem, u16, &str); N]) {
    for (problem, status, code) in table {
        assert_eq!((problem.status, problem.code.as_str()), (status, code));
        assert!(!problem.detail.is_empty());
        let may_pass =
            status == 503 || ["instance_busy", "sweep_running", "grant_limit"].contains(&code);
        assert_eq!(problem.retry_after.is_some(), may_pass, "{code}");
    }
}

#[test]
fn what_vendors_do_is_never_the_callers_fault() {
    let of = |kind| step(&vendor(kind));
    assert_all([
        (of(ErrorKind::Unauthorized), 502, "vendor_unauthorized"),
        (of(ErrorKind::Forbidden), 502, "vendor_refused"),
        (of(ErrorKind::NotFound), 502, "vendor_not_found"),
        (of(ErrorKind::Conflict), 503, "vendor_conflict"),
        (of(ErrorKind::Invalid), 502, "vendor_invalid"),
        (of(ErrorKind::RateLimited), 503, "vendor_rate_limited"),
        (of(ErrorKind::Unavailable), 503, "vendor_unavailable"),
        (of(ErrorKind::Protocol), 502, "vendor_protocol"),
        (of(ErrorKind::Unsupported), 501, "unsupported"),
        (of(ErrorKind::Defect), 500, "provider_defect"),
    ]);
    let wait = Duration::from_secs(42);
    let error = ProviderError::new(ErrorKind::RateLimited, "").with_retry_after(wait);
    assert_eq!(provider(&error).retry_after, Some(wait));
    let named = error.at("acme", "provision", None);
    assert_eq!(provider(&named).provider.as_deref(), Some("acme"));
}

#[test]
fn what_fails_on_our_side_is_pinned() {
    let corrupt = DbError::CorruptRow {
        table: "t",
        key: "k".to_owned(),
        problem: "p".to_owned(),
    };
    let unreachable = DbError::Unreachable("secret address".into());
    let hidden = database(&unreachable);
    assert!(!hidden.detail.contains("secret address"));
    assert_all([
        (hidden, 503, "database_unavailable"),
        (
            database(&DbError::Exhausted(SOON)),
            503,
            "database_unavailable",
        ),
        (
            database(&DbError::Query(DieselError::NotFound)),
            500,
            "internal_error",
        ),
        (
            database(&DbError::Migration("m".into())),
            500,
            "internal_error",
        ),
        (step(&corrupt.into()), 500, "corrupt_row"),
        (
            step(&CipherError::Seal("A".to_owned()).into()),
            500,
            "secret_unreadable",
        ),
        (step(&RowGone(instance()).into()), 409, "instance_gone"),
        (step(&unconfigured().into()), 422, "provider_unconfigured"),
        (lookup(&unknown("tool")), 400, "unknown_tool"),
        (lookup(&unknown("infra")), 400, "unknown_infra"),
    ]);
}

fn incomplete(kind: ErrorKind) -> DestroyError {
    DestroyError::Incomplete {
        instance: instance(),
        left: left(kind),
    }
}

#[test]
fn what_creations_and_destructions_answer_is_pinned() {
    let other_tools = CreateError::OtherTools {
        instance: instance(),
        tool: tool(),
    };
    let source = unconfigured();
    let in_request = RecipeError::Tool(UnavailableTool { index: 2, source });
    let infra = RecipeError::Infra(unconfigured());
    let image = RecipeError::ImageNotAllowed("evil:1".to_owned());
    let busy = CreateError::from(DbError::Exhausted(SOON));
    let unreadable = DestroyError::Database(DbError::Exhausted(SOON));
    assert_all([
        (other_tools.into(), 409, "other_tools"),
        (in_request.into(), 422, "provider_unconfigured"),
        (infra.into(), 422, "provider_unconfigured"),
        (image.into(), 422, "image_not_allowed"),
        (CreateError::InstanceLimit(9).into(), 409, "instance_limit"),
        (busy.into(), 503, "database_unavailable"),
        (
            failed(ErrorKind::Forbidden, Undo::Complete).into(),
            502,
            "vendor_refused",
        ),
        (
            failed(ErrorKind::Unavailable, Undo::NotStarted).into(),
            503,
            "vendor_unavailable",
        ),
        (
            incomplete(ErrorKind::Unavailable).into(),
            503,
            "destroy_incomplete",
        ),
        (
            incomplete(ErrorKind::Unauthorized).into(),
            502,
            "destroy_incomplete",
        ),
        (unreadable.into(), 503, "database_unavailable"),
    ]);
}

#[test]
fn what_other_operations_answer_is_pinned() {
    let target = Target {
        instance: instance(),
        tool: tool(),
        resource: "r".parse().unwrap(),
    };
    let already = ProvisionError::AlreadyProvisioned {
        instance: instance(),
        tool: tool(),
    };
    let unknown_tool = ProvisionError::Tool(unknown("tool"));
    let invalid = RunningError::Step(vendor(ErrorKind::Invalid));
    assert_all([
        (
            precondition(&PreconditionError::Unknown(instance())),
            404,
            "unknown_instance",
        ),
        (
            precondition(&PreconditionError::Busy(instance())),
            409,
            "instance_busy",
        ),
        (
            precondition(&PreconditionError::Destroying(instance())),
            409,
            "instance_destroying",
        ),
        (
            precondition(&PreconditionError::Unfinished(instance())),
            409,
            "instance_unfinished",
        ),
        (
            UpgradeError::OtherInfra {
                instance: instance(),
                from: "here".parse().unwrap(),
                to: "elsewhere".parse().unwrap(),
            }
            .into(),
            409,
            "other_infra",
        ),
        (SweepError::Running.into(), 409, "sweep_running"),
        (already.into(), 409, "already_provisioned"),
        (unknown_tool.into(), 400, "unknown_tool"),
        (
            DestroyToolError::UnknownResource(target).into(),
            404,
            "unknown_resource",
        ),
        (invalid.into(), 502, "vendor_invalid"),
    ]);
}

#[test]
fn local_tools_that_were_not_made_tell_the_cause_and_what_is_left() {
    let error = ProvisionLocalError::Failed {
        instance: instance(),
        cause: vendor(ErrorKind::RateLimited),
        undo: Undo::Partial(left(ErrorKind::Unavailable)),
    };
    let problem = Problem::from(error);
    let answered = (problem.status, problem.code.as_str(), problem.retry_after);
    assert_eq!(answered, (503, "vendor_rate_limited", Some(SOON)));
    let expected = "provider: rate limited: as told; local instance abcdefghijkl got no tools; \
                    DELETE /destroy removes what could not be undone (acme); left are acme \
                    (provider: unavailable: as told)";
    assert_eq!(problem.detail, expected);
    assert_all([(ProvisionLocalError::NoTools.into(), 400, "invalid_field")]);
}

#[test]
fn a_failed_creation_tells_the_step_the_cause_and_what_is_left() {
    let undo = Undo::Partial(left(ErrorKind::Unavailable));
    let problem = Problem::from(failed(ErrorKind::Forbidden, undo));
    assert_eq!(problem.provider, None, "nobody said which");
    let expected = "step start failed: provider: forbidden: as told; instance abcdefghijkl was \
                    not created; DELETE /destroy removes what could not be undone (acme); left \
                    are acme (provider: unavailable: as told)";
    assert_eq!(problem.detail, expected);
}
