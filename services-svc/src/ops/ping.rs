//! What instances say about themselves.

use std::collections::HashSet;

use agent_pool_core::InstanceId;
use futures_util::StreamExt;
use futures_util::stream;
use tracing::debug;
use url::Url;

use crate::app::App;

/// Which of `instances` say that they are ready. `HEALTH_CONCURRENCY` of them are asked at a time.
pub(crate) async fn healthy(app: &App, instances: Vec<(InstanceId, Url)>) -> HashSet<InstanceId> {
    let limit = usize::from(app.config().health.concurrency.get());
    stream::iter(instances)
        .map(|(instance, url)| async move {
            let config = app.config();
            let key = config.http.pool_api_key.primary();
            let within = config.health.timeout_ms.duration();
            match app.runtime().is_ready(&url, key, within).await {
                Ok(ready) => ready.then_some(instance),
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
