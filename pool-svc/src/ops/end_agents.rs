//! Ends agents by age or inactivity, each after a warning.

use std::collections::HashSet;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::WebhookEvent;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use tracing::info;

use crate::db::{explain, guards, webhooks};
use crate::pools::{EndRule, Plan};

/// What a tick knows of agents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agents<'a> {
    /// When they last did something, as their runtimes report it.
    pub(crate) activity: &'a [(InstanceId, DateTime<Utc>)],
    /// The pools with agents whose claims set when they end.
    pub(crate) limited_in: &'a HashSet<&'a str>,
}

/// Warns of agents that will be ended soon, and ends those whose warning time is over.
pub(crate) async fn end_agents(
    conn: &mut AsyncPgConnection,
    plans: &[Plan],
    agents: Agents<'_>,
) -> Result<(), DbError> {
    if plans.iter().any(|plan| plan.ends.idle_timeout.is_some()) {
        guards::note_activity(conn, agents.activity).await?;
    }
    for plan in plans {
        if plan.ends.ends_any() || agents.limited_in.contains(plan.name.as_str()) {
            conn.transaction(async |conn| end_in(conn, plan).await)
                .await?;
        }
    }
    Ok(())
}

async fn end_in(conn: &mut AsyncPgConnection, plan: &Plan) -> Result<(), DbError> {
    let rule = plan.ends;
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
    let claim = "as set by their claim".to_owned();
    let ends: Vec<String> = ttl.into_iter().chain(idle).chain([claim]).collect();
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
            "agents of the pool end 3600 s after their claim or after 60 s without activity or as set by their claim"
        );
    }
}
