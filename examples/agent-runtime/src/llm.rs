//! The language model: `OpenRouter`'s chat completions, or none without a real key.
//!
//! API: <https://openrouter.ai/docs/api-reference/chat-completion>.

use std::time::Duration;

use agent_pool_core::Secret;
use agent_pool_core::wire::Instructions;
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::warn;
use url::Url;

use crate::client::LazyClient;
use crate::conversation::Message;
use crate::settings::Settings;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How much of the conversation the model gets: the number of messages, and their bytes. The newest message
/// is always included.
const MAX_SHOWN: usize = 40;
const MAX_SHOWN_BYTES: usize = 48 * 1024;

pub(crate) enum Llm {
    Offline,
    OpenRouter {
        key: Secret,
        url: Url,
        model: String,
    },
}

/// Why there is no answer, for the person in the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LlmError {
    #[error("I cannot answer: my key for the language model was refused.")]
    KeyRefused,
    #[error("I cannot answer: the credit of my key for the language model is used up.")]
    NoCredit,
    #[error("The language model is overloaded. Please try again in a minute.")]
    Busy,
    #[error("The language model refused this message.")]
    Refused,
    #[error("The language model did not answer. Please try again.")]
    Unavailable,
    #[error("The language model sent an invalid answer. Please try again.")]
    Odd,
}

impl Llm {
    /// The variable that holds its key.
    pub(crate) const KEY: &str = "OPENROUTER_API_KEY";

    /// The model for `key`; none for a blank key.
    pub(crate) fn new(settings: &Settings, key: Option<Secret>) -> Self {
        match key.filter(|key| !key.expose().is_empty()) {
            Some(key) if !key.expose().starts_with("sk-or-fake") => {
                let mut url = settings.openrouter_api_url.clone();
                if let Ok(mut path) = url.path_segments_mut() {
                    path.pop_if_empty().extend(["chat", "completions"]);
                }
                let model = settings.openrouter_model.clone();
                Self::OpenRouter { key, url, model }
            }
            Some(_) | None => Self::Offline,
        }
    }

    /// The next message of the agent. The last of `messages` is the one to answer.
    pub(crate) async fn answer(
        &self,
        http: &LazyClient,
        instructions: &Instructions,
        messages: &[Message],
    ) -> Result<String, LlmError> {
        match self {
            Self::Offline => Ok(offline(messages)),
            Self::OpenRouter { key, url, model } => {
                let body = json!({ "model": model, "messages": shown(instructions, messages) });
                let request = http
                    .get()
                    .map_err(unanswered)?
                    .post(url.clone())
                    .bearer_auth(key.expose());
                complete(request.json(&body)).await
            }
        }
    }
}

fn offline(messages: &[Message]) -> String {
    let said = messages.iter().rev().find_map(spoken);
    let said = said.map_or("", |(_, text)| text);
    format!("I run offline, without a language model, so I can only repeat what you said: {said}")
}

/// Role and text of a message for the model; `None` for what is not part of the dialogue.
fn spoken(message: &Message) -> Option<(&'static str, &str)> {
    match message {
        Message::Person { text } => Some(("user", text)),
        Message::Agent { text } => Some(("assistant", text)),
        Message::Fault { .. } | Message::Guest { .. } => None,
    }
}

fn shown(instructions: &Instructions, messages: &[Message]) -> Vec<Value> {
    let mut bytes = 0;
    let newest = messages.iter().rev().filter_map(spoken).take(MAX_SHOWN);
    let fitting = newest.enumerate().take_while(|(index, (_, text))| {
        bytes += text.len();
        *index == 0 || bytes <= MAX_SHOWN_BYTES
    });
    let mut shown: Vec<_> = fitting
        .map(|(_, (role, text))| json!({ "role": role, "content": text }))
        .collect();
    shown.push(json!({ "role": "system", "content": instructions.as_str() }));
    shown.reverse();
    shown
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
}

#[derive(Deserialize)]
struct ApiError {
    code: Option<u16>,
}

async fn complete(request: RequestBuilder) -> Result<String, LlmError> {
    let response = request.timeout(TIMEOUT).send().await.map_err(unanswered)?;
    let status = response.status();
    let body = response.bytes().await.map_err(unanswered)?;
    let answer = understand(status, &body);
    if let Err(error) = answer {
        warn!(
            status = status.as_u16(),
            "the language model failed: {error:?}"
        );
    }
    answer
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
fn unanswered(error: reqwest::Error) -> LlmError {
    let chain = agent_pool_core::chain(&error);
    warn!(error.chain = chain, "the language model did not answer");
    LlmError::Unavailable
}

fn understand(status: StatusCode, body: &[u8]) -> Result<String, LlmError> {
    if !status.is_success() {
        return Err(meaning(status.as_u16()));
    }
    let completion: Completion = serde_json::from_slice(body).map_err(|_| LlmError::Odd)?;
    // A failure of the model's own vendor arrives as 200 with an error in the body.
    if let Some(error) = completion.error {
        return Err(error.code.map_or(LlmError::Unavailable, meaning));
    }
    let said = completion.choices.into_iter().next();
    let text = said.and_then(|choice| choice.message.content);
    text.filter(|text| !text.trim().is_empty())
        .ok_or(LlmError::Odd)
}

const fn meaning(status: u16) -> LlmError {
    match status {
        401 => LlmError::KeyRefused,
        402 => LlmError::NoCredit,
        429 => LlmError::Busy,
        400..=407 | 409..=499 => LlmError::Refused,
        _ => LlmError::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(text: &str) -> Message {
        let text = text.to_owned();
        Message::Person { text }
    }

    fn kind() -> Instructions {
        Instructions::try_from("Be kind.".to_owned()).unwrap()
    }

    #[test]
    fn the_model_sees_the_instructions_then_what_was_said_in_order() {
        let text = "it broke".to_owned();
        let messages = [person("one"), Message::Fault { text }, person("two")];
        let expected = json!([
            { "role": "system", "content": "Be kind." },
            { "role": "user", "content": "one" },
            { "role": "user", "content": "two" },
        ]);
        assert_eq!(json!(shown(&kind(), &messages)), expected);
    }

    #[test]
    fn the_model_sees_a_bounded_part_and_always_the_newest() {
        let many: Vec<_> = (0..100).map(|n| person(&n.to_string())).collect();
        let seen = shown(&kind(), &many);
        assert_eq!(seen.len(), MAX_SHOWN + 1);
        assert_eq!(seen[MAX_SHOWN]["content"], "99");

        let long = "x".repeat(MAX_SHOWN_BYTES + 1);
        assert_eq!(shown(&kind(), &[person("old"), person(&long)]).len(), 2);
    }

    #[test]
    fn each_refusal_has_words_of_its_own() {
        let words = |status| understand(StatusCode::from_u16(status).unwrap(), b"").unwrap_err();
        assert_eq!(words(401), LlmError::KeyRefused);
        assert_eq!(words(402), LlmError::NoCredit);
        assert_eq!(words(403), LlmError::Refused);
        assert_eq!(words(408), LlmError::Unavailable);
        assert_eq!(words(429), LlmError::Busy);
        assert_eq!(words(502), LlmError::Unavailable);
    }

    #[test]
    fn an_error_or_invalid_body_with_200_is_a_failure() {
        let answer = |body: &str| understand(StatusCode::OK, body.as_bytes());
        let busy = r#"{"error": {"code": 429, "message": "slow down"}}"#;
        assert_eq!(answer(busy), Err(LlmError::Busy));
        for odd in [
            "<html>",
            "{}",
            r#"{"choices":[{"message":{"content":" "}}]}"#,
        ] {
            assert_eq!(answer(odd), Err(LlmError::Odd), "{odd}");
        }
        let good = r#"{"choices":[{"message":{"content":"hi"}}]}"#;
        assert_eq!(answer(good), Ok("hi".to_owned()));
    }
}
