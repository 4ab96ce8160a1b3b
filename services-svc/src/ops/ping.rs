//! What instances say about themselves.

use std::collections::HashSet;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::runtime::{HEALTH_PATH, Health};
use futures_util::StreamExt;
use futures_util::stream;
use tracing::debug;
use url::Url;

use crate::app::App;

/// Longest answer that is read, in bytes: an instance runs what others wrote.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Which of `instances` say that they are ready, asked so many at a time.
pub(crate) async fn healthy(app: &App, instances: Vec<(InstanceId, Url)>) -> HashSet<InstanceId> {
    let limit = usize::from(app.config().health.concurrency.get());
    stream::iter(instances)
        .map(|(instance, url)| async move {
            match ask(app, url).await {
                Ok(health) => health.ready.then_some(instance),
                Err(error) => {
                    debug!(instance.id = %instance, "instance {instance} is not healthy: {error}");
                    None
                }
            }
        })
        .buffer_unordered(limit)
        .filter_map(std::future::ready)
        .collect()
        .await
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum PingError {
    #[error("no answer")]
    Http(#[from] reqwest::Error),
    #[error("the answer is longer than {LONGEST_ANSWER} bytes")]
    TooLong,
    #[error("the answer is not understood")]
    Malformed(#[from] serde_json::Error),
    #[error("the status is {0}")]
    Status(reqwest::StatusCode),
}

async fn ask(app: &App, url: Url) -> Result<Health, PingError> {
    let config = app.config();
    let mut response = app
        .providers()
        .context()
        .http()
        .get(health_url(url))
        .bearer_auth(config.http.pool_api_key.primary().expose())
        .timeout(config.health.timeout_ms.duration())
        .send()
        .await?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(PingError::Status(response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Err(PingError::TooLong);
        }
    }
    Ok(serde_json::from_slice(&body)?)
}

/// `/pool/health` below an instance's URL, whether that ends in `/` or not.
fn health_url(mut url: Url) -> Url {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(HEALTH_PATH.split('/'));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_check_is_below_the_instances_url() {
        for (url, expected) in [
            ("http://127.0.0.1:80", "http://127.0.0.1/pool/health"),
            ("https://a.example/", "https://a.example/pool/health"),
            ("https://a.example/x", "https://a.example/x/pool/health"),
        ] {
            assert_eq!(health_url(url.parse().unwrap()).as_str(), expected);
        }
    }
}
