//! Webhooks about deployments, in the form that Railway documents [D].

use std::collections::HashMap;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::{DeploymentStatus as Status, Railway};
use crate::sync::lock;

/// Sends the changes since the last check.
pub(crate) struct Webhooks {
    url: Option<Url>,
    /// The status of each deployment that was last reported.
    reported: HashMap<String, Status>,
}

impl Webhooks {
    pub(crate) fn new(url: Option<Url>) -> Self {
        Self {
            url,
            reported: HashMap::new(),
        }
    }

    /// Reports each deployment whose status changed. A receiver that does not answer misses the notice.
    pub(crate) fn send(&mut self, railway: &Railway) {
        let Some(url) = &self.url else { return };
        for deployment in &lock(&railway.state).deployments {
            let status = deployment.status;
            if self.reported.insert(deployment.id.clone(), status) == Some(status) {
                continue;
            }
            let word = status.word();
            let body = json!({
                "type": format!("Deployment.{}", word.to_lowercase()),
                "details": { "id": deployment.id, "status": word },
                "resource": {
                    "service": { "id": deployment.service_id },
                    "environment": { "id": deployment.environment_id },
                    "deployment": { "id": deployment.id },
                },
                "severity": "INFO",
                "timestamp": deployment.changed_at,
            });
            tokio::spawn(post(url.clone(), body));
        }
    }
}

async fn post(url: Url, body: Value) {
    if let Err(error) = try_post(&url, &body.to_string()).await {
        tracing::warn!("a webhook was not delivered: {error}");
    }
}

async fn try_post(url: &Url, body: &str) -> std::io::Result<()> {
    let address = url.socket_addrs(|| None)?;
    let mut stream = TcpStream::connect(address.as_slice()).await?;
    let (path, host) = (url.path(), url.authority());
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    // The answer does not matter, but a connection that is closed early may lose the request.
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}
