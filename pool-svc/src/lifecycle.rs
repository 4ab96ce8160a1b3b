//! The life cycle of an instance: which moves are legal. How they are stored is up to [`db`](crate::db).
//!
//! Every change of a status is a [`Move`], and a `Move` can only be made by [`after`], so that an illegal one cannot be
//! expressed. Every move is logged with a [`Cause`]; a new cause also needs its words in `dashboard/cause.rs` and
//! `explain/instance.rs`, which tests check.

use agent_pool_core::wire::pool::Status;

/// What happens to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// It answered its health check for the first time.
    BecameHealthy,
    /// A claim took it.
    ClaimTaken,
    /// Its agent waits to be accepted into a conversation.
    AskedToJoin,
    /// Its claim is done.
    ClaimSucceeded,
    /// Its claim ended before any side effect.
    ClaimReleased,
    /// It was an agent and is dead.
    Died,
    /// The task that worked on it gives it up and releases its lease.
    GivenUp,
    /// It is to be destroyed, even if a task is working on it; the task releases the lease when it notices.
    Condemned,
}

#[cfg(test)]
impl Event {
    pub(crate) const ALL: [Self; 8] = [
        Self::BecameHealthy,
        Self::ClaimTaken,
        Self::AskedToJoin,
        Self::ClaimSucceeded,
        Self::ClaimReleased,
        Self::Died,
        Self::GivenUp,
        Self::Condemned,
    ];
}

/// The one table of legal moves. `None` if the move is illegal.
pub(crate) const fn after(status: Status, event: Event) -> Option<Status> {
    use {Event as E, Status as S};
    match (status, event) {
        (S::Starting, E::BecameHealthy) => Some(S::Idle),
        (S::Idle, E::ClaimTaken) => Some(S::Claiming),
        (S::Claiming, E::AskedToJoin) => Some(S::Claiming),
        (S::Claiming, E::ClaimSucceeded) => Some(S::Claimed),
        (S::Claiming, E::ClaimReleased) => Some(S::Idle),
        (S::Claimed, E::Died) => Some(S::Crashed),
        (S::Starting | S::Claiming, E::GivenUp) => Some(S::Destroying),
        (S::Destroying, _) => None,
        (_, E::Condemned) => Some(S::Destroying),
        _ => None,
    }
}

/// How a row comes into being: the two moves without a previous status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The pool needs one more.
    Wanted,
    /// Services has an instance whose row was deleted.
    Reappeared,
}

impl Origin {
    /// The status of the new row.
    pub(crate) const fn status(self) -> Status {
        match self {
            Self::Wanted => Status::Starting,
            Self::Reappeared => Status::Destroying,
        }
    }

    /// The cause in the log.
    pub(crate) const fn cause(self) -> Cause {
        match self {
            Self::Wanted => Cause::WarmUp,
            Self::Reappeared => Cause::Reappeared,
        }
    }
}

/// One legal move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    from: Status,
    to: Status,
    event: Event,
}

impl Move {
    pub(crate) const BECOME_IDLE: Self = Self::legal(Status::Starting, Event::BecameHealthy);
    pub(crate) const TAKE: Self = Self::legal(Status::Idle, Event::ClaimTaken);
    pub(crate) const WAIT: Self = Self::legal(Status::Claiming, Event::AskedToJoin);
    pub(crate) const RECORD: Self = Self::legal(Status::Claiming, Event::ClaimSucceeded);
    pub(crate) const RELEASE: Self = Self::legal(Status::Claiming, Event::ClaimReleased);
    pub(crate) const CRASH: Self = Self::legal(Status::Claimed, Event::Died);
    pub(crate) const ABANDON_CREATION: Self = Self::legal(Status::Starting, Event::GivenUp);
    pub(crate) const ABANDON_CLAIM: Self = Self::legal(Status::Claiming, Event::GivenUp);
    pub(crate) const CONDEMN_STARTING: Self = Self::legal(Status::Starting, Event::Condemned);
    pub(crate) const CONDEMN_IDLE: Self = Self::legal(Status::Idle, Event::Condemned);
    pub(crate) const CONDEMN_CLAIMING: Self = Self::legal(Status::Claiming, Event::Condemned);
    pub(crate) const CONDEMN_CLAIMED: Self = Self::legal(Status::Claimed, Event::Condemned);

    /// The moves that a tick makes.
    pub(crate) const BY_TICK: [Self; 5] = [
        Self::BECOME_IDLE,
        Self::CRASH,
        Self::CONDEMN_STARTING,
        Self::CONDEMN_IDLE,
        Self::CONDEMN_CLAIMING,
    ];

    /// The move that `event` makes from `from`, if it is legal.
    pub(crate) const fn new(from: Status, event: Event) -> Option<Self> {
        match after(from, event) {
            Some(to) => Some(Self { from, to, event }),
            None => None,
        }
    }

    /// For the constants above: an illegal one does not compile.
    const fn legal(from: Status, event: Event) -> Self {
        Self::new(from, event).expect("the constants are legal moves")
    }

    pub(crate) const fn from(self) -> Status {
        self.from
    }

    pub(crate) const fn to(self) -> Status {
        self.to
    }

    /// Whether the row keeps its lease. If a destruction started while a creation or a claim is still running, that
    /// task could make resources after the destruction, which nobody would know about. So the destruction starts when
    /// the lease is released or expires.
    pub(crate) const fn keeps_lease(self) -> bool {
        matches!(self.event, Event::Condemned)
    }
}

/// Why an instance moved, as in the lifecycle log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The pool needed one more.
    WarmUp,
    /// Services could not make it.
    CreationFailed,
    /// Its health check said that it is ready.
    Healthy,
    /// Its deployment failed, crashed or no longer exists.
    DeploymentDead,
    /// It did not answer for longer than `POOL_STUCK_TIMEOUT_MS`.
    Unreachable,
    /// The replica that worked on it is dead.
    LeaseExpired,
    /// A claim took it.
    Claim,
    /// Its agent asked to join a conversation and waits to be accepted.
    PendingAcceptance,
    /// Its agent was not accepted, or not in time.
    NotAccepted,
    /// Its claim is done.
    Provisioned,
    /// A claim found that it already runs an agent that the pool did not know about.
    FoundClaimed,
    /// A claim failed before it had any effect on it.
    ClaimUndone,
    /// A claim failed and may have had an effect on it.
    ClaimFailed,
    /// A claim found it unhealthy.
    UnhealthyAtClaim,
    /// The pool needs fewer.
    Surplus,
    /// It was idle for longer than its pool allows, and a new one replaced it.
    Stale,
    /// Its agent is older than its pool allows.
    Expired,
    /// Its agent was inactive for longer than its pool allows.
    Inactive,
    /// Its agent will be ended soon. The status does not change.
    EndingSoon,
    /// A person protected it. The status does not change.
    Protected,
    /// A person removed its protection. The status does not change.
    Unprotected,
    /// An instance of the newest recipe replaced it.
    Replaced,
    /// Requested by drain.
    Drained,
    /// Its pool was deleted.
    PoolDeleted,
    /// Requested by kill.
    Killed,
    /// Requested by dismiss.
    Dismissed,
    /// Its replica shut down before its creation began.
    ShutDown,
    /// All its resources are destroyed.
    Destroyed,
    /// Services still has it, or has it again.
    Reappeared,
    /// It was taken over from the Node.js original.
    Adopted,
    /// A tool was added. The status does not change.
    ToolAdded,
    /// A tool was released. The status does not change.
    ToolReleased,
}

#[cfg(test)]
impl Cause {
    pub(crate) const ALL: [Self; 32] = [
        Self::WarmUp,
        Self::CreationFailed,
        Self::Healthy,
        Self::DeploymentDead,
        Self::Unreachable,
        Self::LeaseExpired,
        Self::Claim,
        Self::PendingAcceptance,
        Self::NotAccepted,
        Self::Provisioned,
        Self::FoundClaimed,
        Self::ClaimUndone,
        Self::ClaimFailed,
        Self::UnhealthyAtClaim,
        Self::Surplus,
        Self::Stale,
        Self::Expired,
        Self::Inactive,
        Self::EndingSoon,
        Self::Protected,
        Self::Unprotected,
        Self::Replaced,
        Self::Drained,
        Self::PoolDeleted,
        Self::Killed,
        Self::Dismissed,
        Self::ShutDown,
        Self::Destroyed,
        Self::Reappeared,
        Self::Adopted,
        Self::ToolAdded,
        Self::ToolReleased,
    ];
}

impl Cause {
    /// The word in the log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::WarmUp => "warm_up",
            Self::CreationFailed => "creation_failed",
            Self::Healthy => "healthy",
            Self::DeploymentDead => "deployment_dead",
            Self::Unreachable => "unreachable",
            Self::LeaseExpired => "lease_expired",
            Self::Claim => "claim",
            Self::PendingAcceptance => "pending_acceptance",
            Self::NotAccepted => "not_accepted",
            Self::Provisioned => "provisioned",
            Self::FoundClaimed => "found_claimed",
            Self::ClaimUndone => "claim_undone",
            Self::ClaimFailed => "claim_failed",
            Self::UnhealthyAtClaim => "unhealthy_at_claim",
            Self::Surplus => "surplus",
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::Inactive => "inactive",
            Self::EndingSoon => "ending_soon",
            Self::Protected => "protected",
            Self::Unprotected => "unprotected",
            Self::Replaced => "replaced",
            Self::Drained => "drained",
            Self::PoolDeleted => "pool_deleted",
            Self::Killed => "killed",
            Self::Dismissed => "dismissed",
            Self::ShutDown => "shut_down",
            Self::Destroyed => "destroyed",
            Self::Reappeared => "reappeared",
            Self::Adopted => "adopted",
            Self::ToolAdded => "tool_added",
            Self::ToolReleased => "tool_released",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legal_moves_are_those_of_the_design() {
        let legal: Vec<_> = Status::ALL
            .into_iter()
            .flat_map(|from| Event::ALL.map(|event| (from, event)))
            .filter_map(|(from, event)| Some((from, event, after(from, event)?)))
            .collect();
        use {Event as E, Status as S};
        let expected = [
            (S::Starting, E::BecameHealthy, S::Idle),
            (S::Starting, E::GivenUp, S::Destroying),
            (S::Starting, E::Condemned, S::Destroying),
            (S::Idle, E::ClaimTaken, S::Claiming),
            (S::Idle, E::Condemned, S::Destroying),
            (S::Claiming, E::AskedToJoin, S::Claiming),
            (S::Claiming, E::ClaimSucceeded, S::Claimed),
            (S::Claiming, E::ClaimReleased, S::Idle),
            (S::Claiming, E::GivenUp, S::Destroying),
            (S::Claiming, E::Condemned, S::Destroying),
            (S::Claimed, E::Died, S::Crashed),
            (S::Claimed, E::Condemned, S::Destroying),
            (S::Crashed, E::Condemned, S::Destroying),
        ];
        assert_eq!(legal, expected);
    }

    #[test]
    fn a_condemned_instance_keeps_its_lease() {
        for from in Status::ALL {
            for event in Event::ALL {
                if let Some(legal) = Move::new(from, event) {
                    assert_eq!(legal.keeps_lease(), event == Event::Condemned, "{legal:?}");
                }
            }
        }
    }
}
