//! Descriptions of the causes of changes.

/// The description of a cause. An unknown cause is shown as it is.
pub(super) fn in_words(cause: &str) -> &str {
    match cause {
        "warm_up" => "to fill the pool",
        "creation_failed" => "because its creation failed",
        "healthy" => "because it became healthy",
        "deployment_dead" => "because its deployment ended",
        "unreachable" => "because it did not answer",
        "lease_expired" => "because an operation on it timed out",
        "claim" => "for a claim",
        "pending_acceptance" => "until its agent is accepted",
        "not_accepted" => "because its agent was not accepted",
        "provisioned" => "by a claim",
        "found_claimed" => "because a claim found an agent on it",
        "claim_undone" => "because its claim had no effect",
        "claim_failed" => "because its claim failed",
        "unhealthy_at_claim" => "because a claim found it unhealthy",
        "stale" => "because it was idle for too long",
        "expired" => "because it reached its maximum age",
        "inactive" => "because it was not used for too long",
        "ending_soon" => "it will be ended soon",
        "protected" => "protected by an operator",
        "unprotected" => "no longer protected",
        "replaced" => "because its recipe is outdated",
        "surplus" => "because the pool needs fewer",
        "drained" => "drained by an operator",
        "pool_deleted" => "its pool was deleted",
        "killed" => "killed by an operator",
        "dismissed" => "dismissed by an operator",
        "shut_down" => "because of a shutdown",
        "destroyed" => "with all its resources",
        "reappeared" => "because it reappeared in Services",
        "adopted" => "taken over from the original",
        "tool_added" => "a tool was added",
        "tool_released" => "a tool was released",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::Cause;

    #[test]
    fn every_cause_has_its_words() {
        for cause in Cause::ALL {
            assert_ne!(in_words(cause.as_str()), cause.as_str());
        }
    }
}
