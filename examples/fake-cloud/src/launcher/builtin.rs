//! The default runtime: health, provision and variables, without an agent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Container, Launcher, Running};
use crate::http::{Answer, BodyFault, Request, Server};

/// Serves `/pool/health`, `/pool/provision` and `/pool/variables` to callers with the service's `POOL_API_KEY`.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinRuntime;

#[async_trait]
impl Launcher for BuiltinRuntime {
    async fn launch(&self, container: Container) -> io::Result<Box<dyn Running>> {
        let agent = Arc::new(Agent {
            key: container.variables.get("POOL_API_KEY").cloned(),
            name: container.service_name,
            conversations: AtomicU64::new(0),
        });
        let server = Server::start(0, move |request| {
            let agent = Arc::clone(&agent);
            async move { Ok(agent.answer(&request)) }
        });
        Ok(Box::new(server.await?))
    }
}

impl Running for Server {
    fn address(&self) -> SocketAddr {
        self.address
    }
}

struct Agent {
    key: Option<String>,
    name: String,
    conversations: AtomicU64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provision {
    #[serde(rename = "agentName")]
    name: String,
    instructions: String,
    join_url: Option<String>,
}

impl Agent {
    fn answer(&self, request: &Request) -> Answer {
        // Without a key it refuses all calls, unlike upstream's runtime.
        if self.key.is_none() || request.bearer() != self.key.as_deref() {
            return error(StatusCode::UNAUTHORIZED, "Unauthorized");
        }
        match (&request.method, request.path.as_str()) {
            (&Method::GET, "/pool/health") => {
                Answer::ok(json!({"ready": true, "version": "fake-cloud", "variables": true}))
            }
            (&Method::POST, "/pool/variables") => Answer::ok(json!({"ok": true})),
            (&Method::POST, "/pool/provision") => self.provision(request),
            _ => error(StatusCode::NOT_FOUND, "Not found"),
        }
    }

    /// Not idempotent: each call starts or joins another conversation.
    fn provision(&self, request: &Request) -> Answer {
        let Some(body) = request.json() else {
            return error(StatusCode::BAD_REQUEST, "Invalid JSON body");
        };
        let asked: Provision = match BodyFault::check(&body) {
            Ok(asked) => asked,
            Err(BodyFault { field, .. }) => {
                return error(
                    StatusCode::BAD_REQUEST,
                    &format!("{field} (string) is required"),
                );
            }
        };
        for (field, text) in [
            ("agentName", &asked.name),
            ("instructions", &asked.instructions),
        ] {
            if text.is_empty() {
                return error(
                    StatusCode::BAD_REQUEST,
                    &format!("{field} (string) is required"),
                );
            }
        }
        let number = self.conversations.fetch_add(1, Ordering::Relaxed) + 1;
        let conversation = format!("{}-{number}", self.name);
        let joined = asked.join_url.is_some();
        let invite = asked
            .join_url
            .unwrap_or_else(|| format!("https://example.org/v2?i={conversation}"));
        Answer::ok(json!({
            "ok": true, "conversationId": conversation, "inviteUrl": invite, "joined": joined,
        }))
    }
}

fn error(status: StatusCode, text: &str) -> Answer {
    Answer::json(status, json!({"error": text}))
}
