//! The reason why a container does not run, in words.

use agent_pool_core::{Context, ProviderError};
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::InspectContainerOptions;

use crate::container::Container;
use crate::engine::{Engine, found};

/// What the engine reports about the end of a container; `None` if it no longer exists.
pub(crate) async fn detail(
    engine: &Engine,
    cx: &Context,
    container: &Container,
) -> Result<Option<String>, ProviderError> {
    let client = engine.client(cx).await?;
    let inspect = client.inspect_container(&container.id, None::<InspectContainerOptions>);
    Ok(found(engine.call(cx, inspect).await)?.map(|inspected| describe_end(&inspected)))
}

/// The exit code of a process that was killed with SIGKILL.
const KILLED: i64 = 137;

fn describe_end(inspected: &ContainerInspectResponse) -> String {
    let state = inspected.state.clone().unwrap_or_default();
    let code = state.exit_code.unwrap_or_default();
    let memory = inspected.host_config.as_ref().and_then(|host| host.memory);
    let limit = memory.filter(|bytes| *bytes > 0).map(|bytes| {
        let mib = bytes / (1024 * 1024);
        format!("its limit of {mib} MiB (DOCKER_MEMORY_MIB)")
    });
    let mut parts = Vec::new();
    match (state.oom_killed, limit) {
        (Some(true), Some(limit)) => parts.push(format!("out of memory: killed at {limit}")),
        (Some(true), None) => parts.push("out of memory: the machine has none left".to_owned()),
        // Podman 4.3 does not report it.
        (_, Some(limit)) if code == KILLED => {
            parts.push(format!("killed, by hand or out of memory at {limit}"));
        }
        _ => {}
    }
    if let Some(error) = state.error.filter(|error| !error.is_empty()) {
        parts.push(error);
    }
    // By the convention of shells, a code above 128 means a signal.
    parts.push(match code {
        129..=192 => format!("exit code {code} (signal {})", code - 128),
        _ => format!("exit code {code}"),
    });
    match inspected.restart_count {
        Some(1) => parts.push("restarted once".to_owned()),
        Some(count) if count > 1 => parts.push(format!("restarted {count} times")),
        Some(_) | None => {}
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerState, HostConfig};

    use super::*;

    #[test]
    fn memory_signals_errors_and_restarts_are_named() {
        let end = |state: ContainerState, restarts| {
            describe_end(&ContainerInspectResponse {
                state: Some(state),
                restart_count: Some(restarts),
                host_config: Some(HostConfig {
                    memory: Some(64 * 1024 * 1024),
                    ..HostConfig::default()
                }),
                ..ContainerInspectResponse::default()
            })
        };
        let killed = ContainerState {
            oom_killed: Some(true),
            exit_code: Some(137),
            ..ContainerState::default()
        };
        assert_eq!(
            end(killed, 2),
            "out of memory: killed at its limit of 64 MiB (DOCKER_MEMORY_MIB), exit code 137 (signal 9), restarted 2 times"
        );
        let unsaid = ContainerState {
            exit_code: Some(137),
            ..ContainerState::default()
        };
        assert_eq!(
            end(unsaid, 0),
            "killed, by hand or out of memory at its limit of 64 MiB (DOCKER_MEMORY_MIB), exit code 137 (signal 9)"
        );
        let broken = ContainerState {
            error: Some("no such file: /agent".to_owned()),
            exit_code: Some(127),
            ..ContainerState::default()
        };
        assert_eq!(
            end(broken, 1),
            "no such file: /agent, exit code 127, restarted once"
        );
        assert_eq!(end(ContainerState::default(), 0), "exit code 0");
    }
}
