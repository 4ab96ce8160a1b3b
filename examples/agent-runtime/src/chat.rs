//! The conversation at the invite URL: read it, say something, let another agent join it.

use std::sync::Arc;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use serde::Deserialize;
use warp::hyper::body::Bytes;

use crate::conversation::{MAX_MESSAGE_CHARS, Message};
use crate::enter::not_written;
use crate::http::{Failure, Json, Page, PageFailure, SeeOther, parse};
use crate::join::{Guest, Welcome};
use crate::page;
use crate::runtime::Runtime;
use crate::store::{Agent, Saved};

/// The page of the conversation.
pub(crate) async fn read(token: String, runtime: Arc<Runtime>) -> Result<Page, PageFailure> {
    let agent = runtime.invited(&token).await.map_err(PageFailure)?;
    let show = |saved: &Saved| page::chat(&agent, saved.conversation.messages());
    Ok(Page(runtime.store.read(show).await))
}

/// What a person sends.
#[derive(Deserialize)]
pub(crate) struct Say {
    text: String,
}

/// Stores a message and answers it, then redirects to the page.
pub(crate) async fn say(
    token: String,
    say: Say,
    runtime: Arc<Runtime>,
) -> Result<SeeOther, PageFailure> {
    let agent = runtime.invited(&token).await.map_err(PageFailure)?;
    // Forms send line breaks as CR LF.
    let text = say.text.replace("\r\n", "\n").trim().to_owned();
    let length = text.chars().count();
    if length > MAX_MESSAGE_CHARS {
        let detail = format!("{length} characters are too many: at most {MAX_MESSAGE_CHARS}");
        return Err(PageFailure(Problem::new(
            ProblemCode::MessageTooLong,
            detail,
        )));
    }
    if !text.is_empty() {
        // Spawned, so that the answer is stored even if the browser disconnects.
        let exchange = tokio::spawn(async move { exchange(&agent, text, &runtime).await });
        let exchanged = exchange.await.map_err(std::io::Error::other);
        let exchanged = exchanged.and_then(|done| done);
        exchanged.map_err(|error| PageFailure(not_written(error).0))?;
    }
    Ok(SeeOther(format!("/c/{token}#say")))
}

/// One turn: the message is stored first, so that it is kept even if the answer fails.
async fn exchange(agent: &Agent, text: String, runtime: &Runtime) -> std::io::Result<()> {
    let _turn = runtime.turn.lock().await;
    let keep = runtime.store.change(|saved| {
        saved.hear(text);
        saved.conversation.messages().to_vec()
    });
    let messages = keep.await?;
    let instructions = &agent.request.instructions;
    let llm = runtime.llm().await;
    let answer = llm.answer(&runtime.http, instructions, &messages);
    let reply = match answer.await {
        Ok(text) => Message::Agent { text },
        Err(error) => Message::Fault {
            text: error.to_string(),
        },
    };
    let keep = runtime.store.change(|saved| saved.conversation.say(reply));
    keep.await
}

/// Lets another agent join.
pub(crate) async fn welcome(
    token: String,
    body: Bytes,
    runtime: Arc<Runtime>,
) -> Result<Json<Welcome>, Failure> {
    let agent = runtime.invited(&token).await.map_err(Failure)?;
    let Guest { name, url } = parse(&body)?;
    let keep = runtime
        .store
        .change(|saved| saved.conversation.welcome(name, url));
    keep.await.map_err(not_written)?;
    let conversation_id = agent.conversation_id;
    Ok(Json(Welcome { conversation_id }))
}
