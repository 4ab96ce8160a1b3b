//! The state of an instance, from its StatefulSet and its pod: its deploy status, and a description in words.

use agent_pool_core::DeployStatus;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};

use crate::names::DEPLOYED_AT;

/// The state of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) status: DeployStatus,
    /// The reason, for people; `None` if there is nothing to report.
    pub(crate) words: Option<String>,
}

fn state(status: DeployStatus, words: impl Into<Option<String>>) -> State {
    State {
        status,
        words: words.into(),
    }
}

/// The state of an instance; `None` before its first deployment.
pub(crate) fn from_objects(
    set: &StatefulSet,
    pod: Option<&Pod>,
    restart_max: u32,
) -> Option<State> {
    let wanted = deployment(set)?;
    let Some(pod) = pod else {
        let words = "no pod yet: a quota or an admission policy may refuse it; its events say why (kubectl describe statefulset)";
        return Some(state(DeployStatus::Queued, words.to_owned()));
    };
    let annotations = pod.metadata.annotations.as_ref();
    let is_old = annotations
        .and_then(|all| all.get(DEPLOYED_AT))
        .map(String::as_str)
        != Some(wanted);
    if is_old {
        let words = "the pod of the deployment before is ending";
        return Some(state(DeployStatus::Deploying, words.to_owned()));
    }
    if pod.metadata.deletion_timestamp.is_some() {
        let words = "the pod is ending and is replaced then; on a lost node it ends only when the node is back or removed";
        return Some(state(DeployStatus::Deploying, words.to_owned()));
    }
    Some(pod_state(pod, restart_max))
}

/// When the deployment that the StatefulSet specifies was requested.
pub(crate) fn deployment(set: &StatefulSet) -> Option<&str> {
    let template = set.spec.as_ref()?.template.metadata.as_ref()?;
    Some(template.annotations.as_ref()?.get(DEPLOYED_AT)?.as_str())
}

/// The image that the StatefulSet specifies.
pub(crate) fn image(set: &StatefulSet) -> Option<&str> {
    let pod = set.spec.as_ref()?.template.spec.as_ref()?;
    pod.containers.first()?.image.as_deref()
}

/// The digest in a pod's `imageID`, such as `registry.example/agent@sha256:…`; some runtimes write the digest alone.
pub(crate) fn image_digest(pod: &Pod) -> Option<&str> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    let id = containers.first()?.image_id.as_str();
    let digest = id.rsplit('@').next().unwrap_or(id);
    digest.starts_with("sha256:").then_some(digest)
}

fn pod_state(pod: &Pod, restart_max: u32) -> State {
    let Some(status) = &pod.status else {
        return state(DeployStatus::Queued, None);
    };
    // For example an eviction: the StatefulSet then creates another pod.
    if let (Some("Failed"), reason) = (status.phase.as_deref(), &status.reason) {
        let reason = reason.as_deref().unwrap_or("failed");
        let message = status.message.as_deref().unwrap_or_default();
        return state(
            DeployStatus::Deploying,
            format!("the pod ended and is replaced: {reason} {message}"),
        );
    }
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    if let Some(container) = containers.first() {
        return container_state(container, restart_max);
    }
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let unscheduled = conditions
        .iter()
        .find(|one| one.type_ == "PodScheduled" && one.status == "False");
    match unscheduled {
        Some(condition) => {
            let message = condition.message.as_deref().unwrap_or("no node takes it");
            let words = format!("no node takes the pod: {message}");
            state(DeployStatus::Other("UNSCHEDULABLE".to_owned()), words)
        }
        None => state(DeployStatus::Initializing, None),
    }
}

fn container_state(container: &ContainerStatus, restart_max: u32) -> State {
    let restarts = u32::try_from(container.restart_count).unwrap_or_default();
    let last = container
        .last_state
        .as_ref()
        .and_then(|last| last.terminated.as_ref());
    let Some(now) = &container.state else {
        return state(DeployStatus::Initializing, None);
    };
    if now.running.is_some() {
        let words = last.map(|last| {
            format!(
                "restarted {restarts} times: the run before {}",
                describe_ending(last)
            )
        });
        return state(DeployStatus::Success, words);
    }
    if let Some(ended) = &now.terminated {
        return ended_state(restarts, restart_max, ended);
    }
    let waiting = now.waiting.as_ref();
    let reason = waiting
        .and_then(|waiting| waiting.reason.as_deref())
        .unwrap_or_default();
    let message = waiting
        .and_then(|waiting| waiting.message.as_deref())
        .unwrap_or_default();
    match (reason, last) {
        ("CrashLoopBackOff", Some(last)) => ended_state(restarts, restart_max, last),
        ("" | "ContainerCreating" | "PodInitializing", _) => {
            state(DeployStatus::Initializing, None)
        }
        ("ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable", _) => {
            let words =
                format!("the image cannot be pulled, which is tried again: {reason}: {message}");
            state(DeployStatus::Other("IMAGE_PULL_BACK_OFF".to_owned()), words)
        }
        // Only a new deployment can change this.
        ("InvalidImageName" | "ErrImageNeverPull" | "CreateContainerConfigError", _) => state(
            DeployStatus::Failed,
            format!("the container cannot be created: {reason}: {message}"),
        ),
        _ if restarts >= restart_max => {
            state(DeployStatus::Crashed, format!("{reason}: {message}"))
        }
        _ => state(DeployStatus::Deploying, format!("{reason}: {message}")),
    }
}

/// An ended container is restarted forever with growing pauses; after `restart_max` restarts it counts as crashed.
fn ended_state(restarts: u32, restart_max: u32, ended: &ContainerStateTerminated) -> State {
    let status = if restarts >= restart_max {
        DeployStatus::Crashed
    } else {
        DeployStatus::Deploying
    };
    state(
        status,
        format!(
            "restarted {restarts} times: the last run {}",
            describe_ending(ended)
        ),
    )
}

fn describe_ending(ended: &ContainerStateTerminated) -> String {
    let code = ended.exit_code;
    match ended.reason.as_deref() {
        Some("OOMKilled") => format!("exceeded its memory limit (OOMKilled, exit code {code})"),
        Some(reason) => format!("ended with exit code {code} ({reason})"),
        None => format!("ended with exit code {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn status(container: &Value) -> (DeployStatus, String) {
        summary(json!({ "phase": "Pending", "containerStatuses": [container] }))
    }

    fn summary(status: Value) -> (DeployStatus, String) {
        let annotations = json!({ DEPLOYED_AT: "now" });
        let pod = json!({ "metadata": { "annotations": annotations }, "status": status });
        let state = from_objects(&set(), Some(&serde_json::from_value(pod).unwrap()), 3).unwrap();
        (state.status, state.words.unwrap_or_default())
    }

    fn set() -> StatefulSet {
        let template = json!({ "metadata": { "annotations": { DEPLOYED_AT: "now" } } });
        let spec = json!({ "selector": {}, "serviceName": "x", "template": template });
        serde_json::from_value(json!({ "spec": spec })).unwrap()
    }

    fn container(restarts: u32, now: Value, last: Value) -> Value {
        json!({
            "name": "agent", "image": "x", "imageID": "", "ready": false,
            "restartCount": restarts, "state": now, "lastState": last,
        })
    }

    #[test]
    fn the_digest_is_read_however_the_runtime_writes_it() {
        let digest = |id: &str| {
            let container = json!({
                "name": "agent", "image": "x", "imageID": id, "ready": true, "restartCount": 0,
            });
            let pod = json!({ "status": { "containerStatuses": [container] } });
            let pod: Pod = serde_json::from_value(pod).unwrap();
            image_digest(&pod).map(ToOwned::to_owned)
        };
        let expected = Some("sha256:ab".to_owned());
        assert_eq!(digest("registry.example/agent@sha256:ab"), expected);
        assert_eq!(digest("sha256:ab"), expected);
        assert_eq!(digest(""), None);
    }

    #[test]
    fn a_crash_loop_is_dead_after_so_many_restarts_and_says_how_it_ended() {
        let waiting = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
        let ended = json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled" } });
        let (early, _) = status(&container(2, waiting.clone(), ended.clone()));
        assert_eq!(early, DeployStatus::Deploying);
        let (dead, words) = status(&container(3, waiting, ended));
        assert!(dead.is_dead());
        assert!(
            words.contains("memory limit") && words.contains("137"),
            "{words}"
        );
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_not_dead_and_one_that_never_can_is() {
        let waiting =
            |reason: &str| json!({ "waiting": { "reason": reason, "message": "no such host" } });
        let (pulled, words) = status(&container(0, waiting("ImagePullBackOff"), json!({})));
        assert!(
            !pulled.is_dead() && words.contains("no such host"),
            "{words}"
        );
        for reason in ["InvalidImageName", "CreateContainerConfigError"] {
            let (status, words) = status(&container(0, waiting(reason), json!({})));
            assert!(
                status == DeployStatus::Failed && words.contains(reason),
                "{words}"
            );
        }
    }

    #[test]
    fn a_pod_without_a_node_says_the_schedulers_reason() {
        let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available" });
        let (status, words) = summary(json!({ "phase": "Pending", "conditions": [condition] }));
        assert_eq!(status, DeployStatus::Other("UNSCHEDULABLE".to_owned()));
        assert!(words.contains("0/3 nodes"), "{words}");
    }

    #[test]
    fn one_that_runs_again_says_why_it_was_restarted() {
        let running = json!({ "running": {} });
        let (status, words) = status(&container(
            1,
            running,
            json!({ "terminated": { "exitCode": 1, "reason": "Error" } }),
        ));
        assert_eq!(status, DeployStatus::Success);
        assert!(words.contains("exit code 1"), "{words}");
    }

    #[test]
    fn an_evicted_pod_is_replaced() {
        let (status, words) =
            summary(json!({ "phase": "Failed", "reason": "Evicted", "message": "low on memory" }));
        assert!(
            !status.is_dead() && words.contains("low on memory"),
            "{words}"
        );
    }

    #[test]
    fn before_the_first_deployment_there_is_no_status_and_without_a_pod_it_waits() {
        assert_eq!(from_objects(&StatefulSet::default(), None, 3), None);
        assert_eq!(
            from_objects(&set(), None, 3).unwrap().status,
            DeployStatus::Queued
        );
        let old: Pod = serde_json::from_value(json!({ "status": { "phase": "Running" } })).unwrap();
        assert_eq!(
            from_objects(&set(), Some(&old), 3).unwrap().status,
            DeployStatus::Deploying
        );
        let metadata = json!({
            "annotations": { DEPLOYED_AT: "now" }, "deletionTimestamp": "2026-11-28T10:00:00Z",
        });
        let ending: Pod = serde_json::from_value(json!({ "metadata": metadata })).unwrap();
        let ending = from_objects(&set(), Some(&ending), 3).unwrap();
        assert!(!ending.status.is_dead() && ending.words.unwrap().contains("lost node"));
    }
}
