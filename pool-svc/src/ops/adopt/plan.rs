//! Decides what happens to each row of the original. A pure function of the rows.

use std::collections::HashMap;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_core::wire::{AgentName, ConversationId, Instructions};
use agent_pool_service_kit::adopt::Outcome;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use url::Url;

use super::INSTANCES;
use crate::db::adopted::AdoptedInstance;

/// A bound of table `instances`, which the original does not have.
const MAX_INVITE_CHARS: usize = 2048;

/// A row of `instances`. Older versions of the original have more columns, newer ones keep the URL in `instance_infra`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct OriginalInstance {
    id: String,
    #[serde(default)]
    name: String,
    url: Option<String>,
    status: String,
    agent_name: Option<String>,
    conversation_id: Option<String>,
    invite_url: Option<String>,
    instructions: Option<String>,
    created_at: DateTime<Utc>,
    claimed_at: Option<DateTime<Utc>>,
}

/// The columns of `instance_infra` that Pool needs.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct OriginalInfra {
    instance_id: String,
    url: Option<String>,
    gateway_token: Option<String>,
}

/// The rows to insert, and the report.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) instances: Vec<AdoptedInstance>,
    pub(super) outcome: Outcome,
}

impl Plan {
    pub(super) fn new(rows: Vec<OriginalInstance>, infras: Vec<OriginalInfra>) -> Self {
        let infras = infras.into_iter().map(|row| (row.instance_id.clone(), row));
        let mut infras: HashMap<String, OriginalInfra> = infras.collect();
        let mut plan = Self::default();
        for row in rows {
            let infra = infras.remove(&row.id).unwrap_or_default();
            let url = row.url.as_ref().or(infra.url.as_ref());
            let url = url.filter(|url| url.parse::<Url>().is_ok()).cloned();
            match decide(&row, url.as_deref()) {
                Ok(status) => {
                    plan.outcome
                        .adopt(describe(&row.status, status, row.is_an_agent()));
                    let adopted = row.into_adopted(status, url, infra.gateway_token);
                    plan.instances.push(adopted);
                }
                Err(reason) => plan.outcome.skip(INSTANCES, row.id, reason),
            }
        }
        plan
    }
}

/// The status that a row gets, or why it is skipped. An instance that may be somebody's agent is never destroyed.
fn decide(row: &OriginalInstance, url: Option<&str>) -> Result<Status, String> {
    row.id
        .parse::<InstanceId>()
        .map_err(|error| error.to_string())?;
    let agent = match row.status.as_str() {
        "claimed" | "pending_acceptance" => Some(Status::Claimed),
        // The original did not record the end of the claim: the runtime may be an agent by now.
        "crashed" | "claiming" => Some(Status::Crashed),
        "sleeping" if row.is_an_agent() => Some(Status::Claimed),
        "dead" | "tainted" if row.is_an_agent() => Some(Status::Crashed),
        _ => None,
    };
    match (agent, row.status.as_str(), url) {
        (Some(status), _, Some(_)) => Ok(status),
        (Some(_), word, None) => Err(format!("it is {word}, but its URL is unknown")),
        (None, "idle", Some(_)) => Ok(Status::Idle),
        (None, "starting" | "sleeping", Some(_)) => Ok(Status::Starting),
        (None, "idle" | "starting" | "sleeping" | "dead" | "tainted", _) => Ok(Status::Destroying),
        (None, word, _) => Err(format!("its status {word:?} is unknown")),
    }
}

fn describe(before: &str, after: Status, is_an_agent: bool) -> String {
    let agent = if is_an_agent { " with an agent" } else { "" };
    let after = match after {
        Status::Destroying => "are destroyed",
        Status::Starting => "become idle when they answer",
        Status::Idle => "are idle",
        Status::Claimed => "are claimed",
        Status::Crashed => "are crashed: check them, then dismiss them",
        Status::Claiming => "are claiming",
    };
    format!("instances that are {before}{agent}: they {after}")
}

impl OriginalInstance {
    fn is_an_agent(&self) -> bool {
        self.agent_name.is_some() || self.conversation_id.is_some() || self.claimed_at.is_some()
    }

    fn into_adopted(
        self,
        status: Status,
        url: Option<String>,
        token: Option<String>,
    ) -> AdoptedInstance {
        let is_agent = matches!(status, Status::Claimed | Status::Crashed);
        let agent = |text: Option<String>, unknown: &str| {
            is_agent.then(|| text.unwrap_or_else(|| unknown.to_owned()))
        };
        let has_good_name = AgentName::try_from(self.name.clone()).is_ok();
        let instructions = self.instructions.map(|mut text| {
            text.truncate(text.floor_char_boundary(Instructions::MAX_BYTES));
            text
        });
        let invite_url = self
            .invite_url
            .filter(|url| url.chars().count() <= MAX_INVITE_CHARS);
        AdoptedInstance {
            name: if has_good_name {
                self.name
            } else {
                format!("convos-agent-{}", self.id)
            },
            id: self.id,
            url,
            status: status.as_str(),
            agent_name: self
                .agent_name
                .map(|name| shorten(&name, AgentName::MAX_CHARS))
                .filter(|_| is_agent),
            conversation_id: agent(self.conversation_id, "unknown")
                .map(|id| shorten(&id, ConversationId::MAX_CHARS)),
            invite_url: agent(invite_url, ""),
            instructions: instructions.filter(|_| is_agent),
            runtime_key: token.filter(|token| !token.is_empty()),
            claimed_at: is_agent.then(|| self.claimed_at.unwrap_or(self.created_at)),
            created_at: self.created_at,
        }
    }
}

fn shorten(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://agent.example/";

    fn row(status: &str) -> OriginalInstance {
        OriginalInstance {
            id: "Ab_-3v9x0a1b".to_owned(),
            name: "convos-agent-Ab_-3v9x0a1b".to_owned(),
            status: status.to_owned(),
            url: Some(URL.to_owned()),
            ..OriginalInstance::default()
        }
    }

    fn agent(status: &str) -> OriginalInstance {
        OriginalInstance {
            agent_name: Some("Tulip".to_owned()),
            ..row(status)
        }
    }

    fn without_url(row: OriginalInstance) -> OriginalInstance {
        OriginalInstance { url: None, ..row }
    }

    fn status_of(row: OriginalInstance) -> &'static str {
        let plan = Plan::new(vec![row], Vec::new());
        let adopted = plan.instances.first();
        adopted.map_or("aside", |adopted| adopted.status)
    }

    /// With a URL and without one; then the same with an agent.
    const TABLE: &str = "
        starting            starting    destroying  starting  destroying
        idle                idle        destroying  idle      destroying
        claimed             claimed     aside       claimed   aside
        pending_acceptance  claimed     aside       claimed   aside
        sleeping            starting    destroying  claimed   aside
        claiming            crashed     aside       crashed   aside
        crashed             crashed     aside       crashed   aside
        dead                destroying  destroying  crashed   aside
        tainted             destroying  destroying  crashed   aside
        hibernating         aside       aside       aside     aside";

    #[test]
    fn every_status_of_the_original_has_one_of_ours() {
        for line in TABLE.trim().lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            let kinds = [
                row(words[0]),
                without_url(row(words[0])),
                agent(words[0]),
                without_url(agent(words[0])),
            ];
            assert_eq!(words[1..], kinds.map(status_of), "{line}");
        }
    }

    #[test]
    fn what_the_table_cannot_hold_is_shortened() {
        let long = OriginalInstance {
            name: String::new(),
            agent_name: Some("é".repeat(65)),
            conversation_id: Some("c".repeat(300)),
            invite_url: Some("i".repeat(3_000)),
            instructions: Some("é".repeat(40_000)),
            ..row("claimed")
        };
        let adopted = Plan::new(vec![long], Vec::new()).instances.remove(0);
        assert_eq!(adopted.name, "convos-agent-Ab_-3v9x0a1b");
        assert_eq!(adopted.agent_name.unwrap().chars().count(), 64);
        assert_eq!(adopted.conversation_id.unwrap().len(), 256);
        assert_eq!(adopted.invite_url.unwrap(), "");
        assert_eq!(adopted.instructions.unwrap().len(), 65_536);
    }
}
