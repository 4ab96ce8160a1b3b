//! Random events of a pool: rounds of concurrent requests to two replicas.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;

use crate::fake::{Fault, Op};

/// A request to one of the replicas.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Claim,
    Tick,
    Replenish(u32),
    Drain(u32),
    /// An index into the fleet at the beginning of the round.
    Kill(Index),
    Dismiss(Index),
}

/// Concurrent requests, and the faults meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) faults: Vec<(Op, Fault)>,
    /// The instance whose deployment crashes before the requests are sent.
    pub(super) dying: Option<Index>,
    /// Each request, and whether it is sent to the second replica.
    pub(super) requests: Vec<(bool, Request)>,
    /// Every lease expires and both replicas tick while requests may still be in progress, as if the replicas that
    /// hold the leases had died.
    pub(super) leases_expire: bool,
}

pub(super) fn rounds() -> impl Strategy<Value = Vec<Round>> {
    vec(round(), 1..12)
}

fn round() -> impl Strategy<Value = Round> {
    let requests = vec((any::<bool>(), request()), 1..7);
    let faults = prop_oneof![2 => Just(Vec::new()), 1 => vec((op(), fault()), 1..4)];
    let dying = prop_oneof![4 => Just(None), 1 => any::<Index>().prop_map(Some)];
    let leases_expire = prop_oneof![4 => Just(false), 1 => Just(true)];
    (faults, dying, requests, leases_expire).prop_map(|(faults, dying, requests, leases_expire)| {
        Round {
            faults,
            dying,
            requests,
            leases_expire,
        }
    })
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        5 => Just(Request::Claim),
        3 => Just(Request::Tick),
        1 => (1..4_u32).prop_map(Request::Replenish),
        1 => (1..3_u32).prop_map(Request::Drain),
        1 => any::<Index>().prop_map(Request::Kill),
        1 => any::<Index>().prop_map(Request::Dismiss),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    use Op::{Configure, Create, Destroy, Health, Provision, Status};
    proptest::sample::select(vec![Create, Destroy, Status, Configure, Health, Provision])
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Before(500)),
        Just(Fault::Before(503)),
        Just(Fault::After(500)),
        Just(Fault::Garbled),
        Just(Fault::Hang),
    ]
}
