//! The last lines that an instance wrote.

use agent_pool_core::{Context, ErrorKind, LogLine, ProviderError};
use kube::api::LogParams;
use kube::core::Request;

use crate::cluster::Cluster;
use crate::fault::Call;
use crate::kind::Kind;
use crate::names::CONTAINER;

/// Maximum number of bytes to read of one pod's output.
const LIMIT_BYTES: i64 = 4 * 1024 * 1024;

/// The subresource, named as in roles.
const LOG: Kind = Kind {
    plural: "pods/log",
    ..crate::kind::POD
};

/// The last `lines` lines, oldest first; none before the container has started.
pub(crate) async fn tail(
    cluster: &Cluster,
    cx: &Context,
    namespace: &str,
    pod: &str,
    lines: usize,
) -> Result<Vec<LogLine>, ProviderError> {
    let params = LogParams {
        container: Some(CONTAINER.to_owned()),
        tail_lines: Some(i64::try_from(lines).unwrap_or(i64::MAX)),
        limit_bytes: Some(LIMIT_BYTES),
        timestamps: true,
        ..LogParams::default()
    };
    let request = Request::new(crate::kind::POD.path(namespace)).logs(pod, &params);
    let call = Call::new("get", &LOG, namespace, pod);
    match cluster.send(cx, &call, request).await {
        Ok(text) => Ok(String::from_utf8_lossy(&text)
            .lines()
            .map(LogLine::with_timestamp)
            .collect()),
        // The container has not started, or the pod is gone: nothing was written.
        Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}
