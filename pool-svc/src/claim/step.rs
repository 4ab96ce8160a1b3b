//! The inputs and errors of the steps of a claim on one instance.

use agent_pool_client::CallError;
use agent_pool_core::wire::runtime::{ProvisionRequest, Provisioned};
use agent_pool_core::wire::{ConversationId, InviteUrl};
use agent_pool_core::{EnvVars, Secret};
use agent_pool_service_kit::db::DbError;

/// What failed on one instance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error("it is not healthy: {0}")]
    Unhealthy(CallError),
    #[error("its runtime is not ready")]
    NotReady,
    #[error("its runtime already runs an agent that the pool did not know about")]
    Somebodys,
    #[error("its runtime refuses our key")]
    KeyRefused,
    #[error("it could not be configured: {0}")]
    Configure(CallError),
    #[error("it could not be provisioned: {0}")]
    Provision(CallError),
    #[error("its recipe has claim tools, but its runtime does not accept variables while it runs")]
    TakesNoVariables,
    #[error("its tools could not be made: {0}")]
    AddTools(CallError),
    #[error("the variables of its tools could not be delivered: {0}")]
    Deliver(CallError),
    #[error("its tools could not be released: {0}")]
    RemoveTools(CallError),
    #[error("its runtime answered {0}, so the agent has no conversation")]
    BadAnswer(String),
    #[error(
        "its agent waits to be accepted into the conversation, but has no URL to report the outcome: set POOL_CALLBACK_URL or PUBLIC_URL"
    )]
    CannotWait,
    #[error("it was condemned meanwhile")]
    Condemned,
    #[error("another replica took over the key of the claim")]
    Superseded,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl StepError {
    /// The error for the lifecycle log. Of the answer of a runtime, which may quote the request, it has only the code.
    pub(super) fn reason(&self) -> String {
        if let Self::Provision(call) = self
            && let Some(problem) = call.problem()
        {
            return format!("it could not be provisioned: {}", problem.code);
        }
        self.to_string()
    }
}

/// The conversation that a provisioned agent is in.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) id: ConversationId,
    pub(crate) invite_url: InviteUrl,
    pub(crate) joined: bool,
}

impl TryFrom<Provisioned> for Conversation {
    type Error = StepError;

    fn try_from(answer: Provisioned) -> Result<Self, StepError> {
        Ok(Self {
            id: member("conversationId", answer.conversation_id)?,
            invite_url: member("inviteUrl", answer.invite_url)?,
            joined: answer.joined,
        })
    }
}

/// Reads a member of a runtime's answer, which may contain anything.
fn member<T: TryFrom<String, Error = String>>(
    name: &str,
    text: Option<String>,
) -> Result<T, StepError> {
    let text = text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| StepError::BadAnswer(format!("without {name}")))?;
    T::try_from(text)
        .map_err(|problem| StepError::BadAnswer(format!("with an unusable {name} ({problem})")))
}

/// The variables that restore the agent when its instance restarts. The join link is among them only if there is one:
/// an instance that is reused has had its variables blanked.
pub(crate) fn variables(agent: &ProvisionRequest) -> EnvVars {
    let join_url = agent.join_url.as_ref().map(|url| url.as_str());
    collect([
        ("AGENT_NAME", Some(agent.agent_name.as_str())),
        ("AGENT_INSTRUCTIONS", Some(agent.instructions.as_str())),
        ("AGENT_JOIN_URL", join_url),
    ])
}

/// The variables of an unclaimed instance: blank, which counts as not set.
pub(crate) fn blank_variables() -> EnvVars {
    collect(["AGENT_NAME", "AGENT_INSTRUCTIONS", "AGENT_JOIN_URL"].map(|name| (name, Some(""))))
}

fn collect(variables: [(&str, Option<&str>); 3]) -> EnvVars {
    variables
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
            profile_image: None,
            metadata: None,
            callback_url: None,
            tools_url: None,
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
            status: None,
        };
        let url = "https://h/c";
        assert!(Conversation::try_from(answer(Some("c"), Some(url))).is_ok());
        for unusable in [
            answer(None, Some(url)),
            answer(Some(""), Some(url)),
            answer(Some("c"), None),
            answer(Some("c"), Some("javascript:alert(1)")),
            answer(Some("c"), Some("https://h/\u{1b}[2J")),
            answer(Some("c"), Some(&format!("https://h/{}", "x".repeat(9_999)))),
            answer(Some(&"x".repeat(9_999)), Some(url)),
        ] {
            let error = Conversation::try_from(unusable).unwrap_err().to_string();
            assert!(error.len() < 300, "{error}");
        }
    }
}
