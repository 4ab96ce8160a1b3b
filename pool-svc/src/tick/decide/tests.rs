//! The table of decisions.

use std::sync::Arc;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::services::StatusBatch;

use super::*;

const LIMITS: Limits = Limits {
    stuck_after: Duration::from_mins(15),
    max_vanished_percent: 50,
    renote_after: Duration::from_secs(90),
};

fn row(status: Status, lease: Lease, age: Duration, silent_for: Duration) -> FleetRow {
    let id = InstanceId::generate();
    FleetRow {
        pool: "default".into(),
        id,
        status,
        url: (lease == Lease::Nobody).then(|| "http://h/".to_owned()),
        age,
        silent: false,
        silent_for,
        noted_before: Duration::ZERO,
        lease,
        pending: false,
        limited: false,
        made_from: None,
        runs: None,
    }
}

fn report(healthy: bool, status: DeployStatus) -> InstanceReport {
    InstanceReport {
        status: Some(status),
        detail: None,
        healthy,
        url: None,
        image: None,
        key_refused: false,
        last_activity: None,
        image_digest: None,
        made_from: None,
        version: None,
    }
}

/// The answer of Services, already parsed.
enum Observation {
    Batch(StatusBatch),
    Unavailable(String),
}

/// The reports come in the order of the rows, so that the decision has that order too.
fn decide(fleet: &[FleetRow], observation: &Observation, limits: Limits) -> Decision {
    let batch = match observation {
        Observation::Batch(batch) => batch,
        Observation::Unavailable(reason) => return blind(fleet, reason.clone()),
    };
    let mut survey = Survey::new(fleet, limits);
    let ours = fleet.iter().map(|row| &row.id);
    let strays = batch
        .keys()
        .filter(|id| fleet.iter().all(|row| row.id != **id));
    for id in ours.chain(strays) {
        if let Some(report) = batch.get(id) {
            survey.add(id.clone(), report);
        }
    }
    survey.finish()
}

fn alone(row: &FleetRow, report: Option<InstanceReport>) -> Option<(Move, Cause)> {
    // A second instance, so that the answer lists at least one of ours.
    let other = another();
    let mut batch = StatusBatch::from([(other.id.clone(), report_of_another())]);
    batch.extend(report.map(|report| (row.id.clone(), report)));
    let decision = decide(&[row.clone(), other], &Observation::Batch(batch), LIMITS);
    assert_eq!(decision.unobserved, None);
    let planned = decision.moves.first()?;
    Some((planned.step, planned.cause))
}

fn another() -> FleetRow {
    row(Status::Idle, Lease::Nobody, Duration::ZERO, Duration::ZERO)
}

fn report_of_another() -> InstanceReport {
    report(true, DeployStatus::Success)
}

#[test]
fn each_instance_is_judged_by_health_deployment_age_and_lease() {
    use DeployStatus::{Crashed, Deploying, Missing, Success};
    use Lease::{Expired, Held, Nobody};
    use Status::{Claimed, Claiming, Idle, Starting};
    let (young, old) = (Duration::from_secs(9), Duration::from_hours(1));
    let dead = |step| Some((step, Cause::DeploymentDead));
    let silent = |step| Some((step, Cause::Unreachable));
    let late = |step| Some((step, Cause::LeaseExpired));
    let (condemn_starting, condemn_idle) = (Move::CONDEMN_STARTING, Move::CONDEMN_IDLE);
    let idle = Some((Move::BECOME_IDLE, Cause::Healthy));
    #[rustfmt::skip]
    let table = [
        (Starting, Nobody,  old,   old,   Some((true, Crashed)),    idle),
        (Starting, Held,    young, young, Some((true, Success)),    None),
        (Starting, Nobody,  young, young, Some((false, Deploying)), None),
        (Starting, Nobody,  young, young, Some((false, Crashed)),   dead(condemn_starting)),
        (Starting, Nobody,  old,   old,   Some((false, Deploying)), silent(condemn_starting)),
        (Starting, Held,    old,   old,   Some((false, Crashed)),   None),
        (Starting, Expired, young, young, None,                     None),
        (Idle,     Nobody,  old,   old,   Some((true, Crashed)),    None),
        (Idle,     Nobody,  old,   young, Some((false, Crashed)),   dead(condemn_idle)),
        (Idle,     Nobody,  young, young, Some((false, Missing)),   None),
        (Idle,     Nobody,  old,   young, Some((false, Missing)),   dead(condemn_idle)),
        (Idle,     Nobody,  young, young, None,                     None),
        (Idle,     Nobody,  old,   young, None,                     dead(condemn_idle)),
        (Idle,     Nobody,  old,   old,   Some((false, Success)),   silent(condemn_idle)),
        (Claimed,  Nobody,  old,   young, Some((false, Success)),   None),
        (Claimed,  Nobody,  old,   young, Some((false, Crashed)),   dead(Move::CRASH)),
        (Claimed,  Nobody,  old,   old,   Some((false, Success)),   silent(Move::CRASH)),
        (Claiming, Held,    old,   old,   None,                     None),
        (Claiming, Expired, old,   young, None,                     late(Move::CONDEMN_CLAIMING)),
    ];
    for (index, (status, lease, age, silent_for, said, expected)) in table.into_iter().enumerate() {
        let row = row(status, lease, age, silent_for);
        let said = said.map(|(healthy, deploy)| report(healthy, deploy));
        assert_eq!(alone(&row, said), expected, "row {index}: {row:?}");
    }
}

#[test]
fn without_an_answer_only_a_claims_lease_expires() {
    let (young, old) = (Duration::ZERO, Duration::from_hours(9));
    let fleet = [
        row(Status::Claiming, Lease::Expired, old, old),
        row(Status::Starting, Lease::Expired, old, old),
        row(Status::Idle, Lease::Nobody, old, old),
        row(Status::Claimed, Lease::Nobody, young, old),
    ];
    let strangers = StatusBatch::from([(InstanceId::generate(), report_of_another())]);
    for observation in [
        Observation::Unavailable("down".to_owned()),
        Observation::Batch(StatusBatch::new()),
        Observation::Batch(strangers),
    ] {
        let decision = decide(&fleet, &observation, LIMITS);
        let only = PlannedMove {
            step: Move::CONDEMN_CLAIMING,
            id: fleet[0].id.clone(),
            cause: Cause::LeaseExpired,
        };
        assert_eq!(decision.moves, [only]);
        assert!(decision.unobserved.is_some());
    }
}

#[test]
fn a_batch_yields_unhealthy_instances_and_strays() {
    let hour = Duration::from_hours(1);
    let of = |status, lease| row(status, lease, hour, Duration::ZERO);
    let fleet = [
        of(Status::Starting, Lease::Nobody),
        of(Status::Starting, Lease::Held),
        of(Status::Idle, Lease::Nobody),
        of(Status::Claiming, Lease::Held),
    ];
    let mut batch: StatusBatch = fleet
        .iter()
        .map(|row| (row.id.clone(), report(false, DeployStatus::Success)))
        .collect();
    let stray = InstanceId::generate();
    batch.insert(stray.clone(), report_of_another());
    let decision = decide(&fleet, &Observation::Batch(batch), LIMITS);
    assert_eq!(decision.silent, [fleet[0].id.clone(), fleet[2].id.clone()]);
    assert_eq!(decision.strays, [stray]);
    assert!(decision.watched);
}

/// The decision about `fleet` if the first `dead` instances have the report `report_of`, and the others are healthy.
fn looked_at(fleet: &[FleetRow], dead: usize, report_of: Option<&InstanceReport>) -> Decision {
    let said = |index| match report_of {
        _ if index >= dead => Some(report(true, DeployStatus::Success)),
        said => said.cloned(),
    };
    let batch = fleet.iter().enumerate();
    let batch = batch.filter_map(|(index, row)| Some((row.id.clone(), said(index)?)));
    let batch: StatusBatch = batch
        .chain([(InstanceId::generate(), report_of_another())])
        .collect();
    decide(fleet, &Observation::Batch(batch), LIMITS)
}

#[test]
fn too_many_deaths_of_whatever_kind_are_not_believed() {
    let (hour, now) = (Duration::from_hours(1), Duration::ZERO);
    let failed = report(false, DeployStatus::Failed);
    let unreachable = report(false, DeployStatus::Success);
    // status, unhealthy for, report of 3 of 5, believed, watched
    #[rustfmt::skip]
    let table = [
        (Status::Idle,     now,  Some(&failed),      false, true),
        (Status::Idle,     hour, Some(&unreachable), false, true),
        (Status::Claimed,  hour, Some(&unreachable), false, true),
        (Status::Idle,     now,  None,               false, false),
        (Status::Claimed,  now,  None,               false, false),
        (Status::Starting, now,  None,               false, false),
        (Status::Starting, now,  Some(&failed),      true,  true),
        (Status::Starting, hour, Some(&unreachable), true,  true),
    ];
    for (index, (status, silent_for, said, believed, watched)) in table.into_iter().enumerate() {
        let fleet: Vec<FleetRow> = (0..5)
            .map(|_| row(status, Lease::Nobody, hour, silent_for))
            .collect();
        let decision = looked_at(&fleet, 3, said);
        let moved = decision
            .moves
            .iter()
            .filter(|planned| planned.step != Move::BECOME_IDLE);
        assert_eq!(moved.count(), if believed { 3 } else { 0 }, "row {index}");
        assert_eq!(decision.unobserved.is_none(), believed, "row {index}");
        assert_eq!(decision.watched, watched, "row {index}");
        let silent = if said.is_some() { 3 } else { 0 };
        assert_eq!(decision.silent.len(), silent, "row {index}");
    }
}

#[test]
fn too_many_deaths_at_once_are_not_believed() {
    let hour = Duration::from_hours(1);
    for (fleet, dead, believed) in [(2, 2, true), (6, 3, true), (5, 3, false), (3, 3, false)] {
        let fleet: Vec<FleetRow> = (0..fleet)
            .map(|_| row(Status::Idle, Lease::Nobody, hour, Duration::ZERO))
            .collect();
        let batch = fleet.iter().enumerate().map(|(index, row)| {
            let of = if index < dead {
                DeployStatus::Removed
            } else {
                DeployStatus::Success
            };
            (row.id.clone(), report(index >= dead, of))
        });
        let decision = decide(&fleet, &Observation::Batch(batch.collect()), LIMITS);
        assert_eq!(decision.moves.len(), if believed { dead } else { 0 });
        assert_eq!(decision.unobserved.is_none(), believed);
    }
}

#[test]
fn a_healthy_row_is_written_only_if_it_changes_or_its_note_is_old() {
    let fresh = || row(Status::Idle, Lease::Nobody, Duration::ZERO, Duration::ZERO);
    let old = FleetRow {
        noted_before: Duration::from_secs(91),
        ..fresh()
    };
    let silent = FleetRow {
        silent: true,
        ..fresh()
    };
    let moved = FleetRow {
        url: Some("http://elsewhere/".to_owned()),
        ..fresh()
    };
    let starting = row(
        Status::Starting,
        Lease::Nobody,
        Duration::ZERO,
        Duration::ZERO,
    );
    let fleet = [fresh(), old, silent, moved, starting];
    let healthy = InstanceReport {
        url: Some("http://h/".parse().unwrap()),
        ..report(true, DeployStatus::Success)
    };
    let batch = fleet.iter().map(|row| (row.id.clone(), healthy.clone()));
    let decision = decide(&fleet, &Observation::Batch(batch.collect()), LIMITS);
    assert_eq!(decision.still_healthy, [fleet[1].id.clone()]);
    let written: Vec<_> = decision.healthy.iter().map(|one| &one.id).collect();
    assert_eq!(written, [&fleet[2].id, &fleet[3].id, &fleet[4].id]);
}

#[test]
fn an_instance_that_was_never_ready_or_dies_early_is_a_failed_creation() {
    let (young, old) = (Duration::from_mins(1), Duration::from_hours(1));
    let out_of_memory = InstanceReport {
        detail: Some("out of memory".to_owned()),
        ..report(false, DeployStatus::Crashed)
    };
    let failure = |status, age| {
        let dead = row(status, Lease::Nobody, age, Duration::ZERO);
        let other = another();
        let batch = StatusBatch::from([
            (dead.id.clone(), out_of_memory.clone()),
            (other.id.clone(), report_of_another()),
        ]);
        let decision = decide(&[dead, other], &Observation::Batch(batch), LIMITS);
        let first = decision.failed_creations.first()?;
        assert_eq!(first.detail, out_of_memory.detail, "the detail is reported");
        Some(first.failure)
    };
    use DeploymentFailure::{DiedEarly, NeverReady};
    assert_eq!(failure(Status::Starting, young), Some(NeverReady));
    assert_eq!(failure(Status::Starting, old), Some(NeverReady));
    assert_eq!(failure(Status::Idle, young), Some(DiedEarly));
    assert_eq!(failure(Status::Idle, old), None);
    assert_eq!(failure(Status::Claimed, young), None);
}

#[test]
fn an_instance_that_refuses_our_key_stays_as_it_is() {
    let old = Duration::from_hours(1);
    let refused = || InstanceReport {
        key_refused: true,
        ..report(false, DeployStatus::Crashed)
    };
    for status in [Status::Starting, Status::Idle, Status::Claimed] {
        let row = row(status, Lease::Nobody, old, old);
        assert_eq!(alone(&row, Some(refused())), None, "{status:?}");
        let batch = StatusBatch::from([(row.id.clone(), refused())]);
        let decision = decide(&[row], &Observation::Batch(batch), LIMITS);
        assert_eq!((decision.silent.len(), decision.healthy.len()), (0, 0));
    }
}

#[test]
fn runs_are_stored_on_change() {
    let said = InstanceReport {
        image: Some("agent:1".to_owned()),
        version: Some("7.1".to_owned()),
        made_from: Some("00c0ffee00c0ffee".parse().unwrap()),
        ..report(true, DeployStatus::Success)
    };
    let runs_of = |row: &FleetRow, report: &InstanceReport| {
        let batch = StatusBatch::from([(row.id.clone(), report.clone())]);
        let fleet = std::slice::from_ref(row);
        decide(fleet, &Observation::Batch(batch), LIMITS).runs
    };
    let unknown = another();
    let noted = runs_of(&unknown, &said);
    assert_eq!(noted[0].runs.version.as_deref(), Some("7.1"));
    assert_eq!(noted[0].made_from, said.made_from);
    let known = FleetRow {
        made_from: noted[0].made_from.clone().map(Arc::new),
        runs: Some(Arc::new(noted[0].runs.clone())),
        ..unknown
    };
    assert_eq!(runs_of(&known, &said), []);
    let silent = InstanceReport {
        image: said.image.clone(),
        ..report(false, DeployStatus::Success)
    };
    assert_eq!(runs_of(&known, &silent), []);
    let upgraded = InstanceReport {
        made_from: Some("0011223344556677".parse().unwrap()),
        ..said
    };
    assert_eq!(runs_of(&known, &upgraded)[0].made_from, upgraded.made_from);
}

#[test]
fn an_instance_that_is_listed_twice_is_judged_once() {
    let hour = Duration::from_hours(1);
    let row = row(Status::Idle, Lease::Nobody, hour, Duration::ZERO);
    let mut survey = Survey::new(std::slice::from_ref(&row), LIMITS);
    for status in [DeployStatus::Crashed, DeployStatus::Removed] {
        survey.add(row.id.clone(), &report(false, status));
    }
    let decision = survey.finish();
    assert_eq!((decision.moves.len(), decision.silent.len()), (1, 1));
}
