//! The last lines that an instance wrote.

use agent_pool_core::{Context, ErrorKind, LogLine, ProviderError};
use chrono::{DateTime, Utc};
use kube::api::LogParams;
use kube::core::Request;

use crate::cluster::Cluster;
use crate::fault::Call;
use crate::kind::Kind;
use crate::names::CONTAINER;

/// More than this of one pod's output is not read.
const LIMIT_BYTES: i64 = 4 * 1024 * 1024;

/// As roles name the subresource.
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
        Ok(text) => Ok(String::from_utf8_lossy(&text).lines().map(line).collect()),
        // The container has not started, or the pod is gone: nothing was written.
        Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// A line as the API server writes it: its time, a space, the text.
fn line(line: &str) -> LogLine {
    let timed = line.split_once(' ').and_then(|(at, text)| {
        let at: DateTime<Utc> = at.parse().ok()?;
        Some((at, text))
    });
    match timed {
        Some((at, text)) => LogLine {
            at: Some(at),
            text: text.to_owned(),
        },
        None => LogLine {
            at: None,
            text: line.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_taken_off_the_line() {
        let parsed = line("2026-11-28T10:00:00.123456789Z ready on 8080");
        assert_eq!(parsed.text, "ready on 8080");
        assert!(parsed.at.is_some());
        let plain = line("no time here");
        assert_eq!((plain.text.as_str(), plain.at), ("no time here", None));
    }
}
