//! What the steps of a claim on one instance work with, and what they fail with.

use agent_pool_client::CallError;
use agent_pool_core::wire::runtime::{ProvisionRequest, Provisioned};
use agent_pool_core::{EnvVars, Secret};
use agent_pool_service_kit::db::DbError;

/// What failed on one instance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error("it is not healthy: {0}")]
    Unhealthy(CallError),
    #[error("its runtime is not ready")]
    NotReady,
    #[error("it could not be configured: {0}")]
    Configure(CallError),
    #[error("it could not be provisioned: {0}")]
    Provision(CallError),
    #[error("its runtime answered without {0}, so the agent is in no conversation")]
    Incomplete(&'static str),
    #[error("it was condemned meanwhile")]
    Condemned,
    #[error("another replica took over the key of the claim")]
    Superseded,
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The conversation that a provisioned agent is in.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) invite_url: String,
    pub(crate) joined: bool,
}

impl TryFrom<Provisioned> for Conversation {
    type Error = StepError;

    /// A runtime may answer 200 to a join that a person has yet to accept: there is no conversation then.
    fn try_from(answer: Provisioned) -> Result<Self, StepError> {
        let present = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Self {
            id: present(answer.conversation_id).ok_or(StepError::Incomplete("conversationId"))?,
            invite_url: present(answer.invite_url).ok_or(StepError::Incomplete("inviteUrl"))?,
            joined: answer.joined,
        })
    }
}

/// The variables that restore the agent when its instance restarts.
pub(crate) fn variables(agent: &ProvisionRequest) -> EnvVars {
    let join_url = agent.join_url.as_ref().map(|url| url.as_str());
    [
        ("AGENT_NAME", Some(agent.agent_name.as_str())),
        ("AGENT_INSTRUCTIONS", Some(agent.instructions.as_str())),
        ("AGENT_JOIN_URL", join_url),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.parse().ok()?, Secret::new(value?))))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(join_url: Option<&str>) -> ProvisionRequest {
        ProvisionRequest {
            agent_name: "Tulip".to_owned().try_into().unwrap(),
            instructions: "Be kind.".to_owned().try_into().unwrap(),
            join_url: join_url.map(|url| url.to_owned().try_into().unwrap()),
        }
    }

    #[test]
    fn a_join_url_is_a_variable_only_when_given() {
        let names = |vars: &EnvVars| {
            let names = vars.iter().map(|(name, _)| name.to_string());
            names.collect::<Vec<_>>()
        };
        let without = variables(&agent(None));
        assert_eq!(names(&without), ["AGENT_INSTRUCTIONS", "AGENT_NAME"]);
        assert_eq!(without.get("AGENT_NAME"), Some(&Secret::new("Tulip")));
        let with = variables(&agent(Some("https://example.org/x")));
        let join_url = Secret::new("https://example.org/x");
        assert_eq!(with.get("AGENT_JOIN_URL"), Some(&join_url));
    }

    #[test]
    fn an_answer_without_a_conversation_is_no_conversation() {
        let answer = |id: Option<&str>, url: Option<&str>| Provisioned {
            conversation_id: id.map(str::to_owned),
            invite_url: url.map(str::to_owned),
            joined: true,
        };
        assert!(Conversation::try_from(answer(Some("c"), Some("u"))).is_ok());
        for lacking in [
            answer(None, Some("u")),
            answer(Some(""), Some("u")),
            answer(Some("c"), None),
        ] {
            assert!(Conversation::try_from(lacking).is_err());
        }
    }
}
