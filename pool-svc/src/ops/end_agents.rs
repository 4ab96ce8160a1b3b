//! Ending agents whose time is over, each after a warning.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::WebhookEvent;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use tracing::info;

use crate::db::{explain, guards, webhooks};
use crate::pools::{EndRule, Plan};

/// Warns of the ends that are near, and makes those that were warned of. `activity` is what runtimes have reported.
pub(crate) async fn end_agents(
    conn: &mut AsyncPgConnection,
    plans: &[Plan],
    activity: &[(InstanceId, DateTime<Utc>)],
) -> Result<(), DbError> {
    let mut ending = plans.iter().filter_map(|plan| Some((plan, plan.ends?)));
    let Some(first) = ending.next() else {
        return Ok(());
    };
    guards::note_activity(conn, activity).await?;
    for (plan, rule) in std::iter::once(first).chain(ending) {
        conn.transaction(async |conn| end_in(conn, plan, rule).await)
            .await?;
    }
    Ok(())
}

async fn end_in(conn: &mut AsyncPgConnection, plan: &Plan, rule: EndRule) -> Result<(), DbError> {
    let reason = describe(rule);
    explain::set_reason(conn, &reason).await?;
    for agent in guards::mark_ending(conn, &plan.name, rule).await? {
        let (id, ends_at) = (&agent.id, agent.ends_at);
        info!(instance.id = %id, "instance {id} will be ended at {ends_at}: {reason}");
        let data =
            json!({ "instanceId": id, "pool": plan.name, "endsAt": ends_at, "reason": reason });
        webhooks::raise(conn, WebhookEvent::InstanceEnding, &data).await?;
    }
    for id in guards::end_agents(conn, &plan.name, rule).await? {
        info!(instance.id = %id, "instance {id} is ended: {reason}");
    }
    explain::set_reason(conn, "").await
}

fn describe(rule: EndRule) -> String {
    let ttl = rule
        .ttl
        .map(|ttl| format!("{} s after their claim", ttl.as_secs()));
    let idle = rule.idle_timeout;
    let idle = idle.map(|idle| format!("after {} s without activity", idle.as_secs()));
    let ends: Vec<String> = ttl.into_iter().chain(idle).collect();
    format!("agents of the pool end {}", ends.join(" or "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rule_reads_as_a_sentence() {
        let rule = EndRule {
            ttl: Some(Duration::from_hours(1)),
            idle_timeout: Some(Duration::from_mins(1)),
            warning: Duration::ZERO,
        };
        assert_eq!(
            describe(rule),
            "agents of the pool end 3600 s after their claim or after 60 s without activity"
        );
    }
}
