//! The servers of running containers, one each, if the test provides a launcher.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::run::Run;
use super::state::State;
use crate::launcher::{Container, Launcher, Running};
use crate::sync::lock;

/// The running servers, by pod.
#[derive(Debug, Default)]
pub(super) struct Machines {
    running: BTreeMap<String, (Run, Box<dyn Running>)>,
    /// The number of runs of the cluster that were examined.
    seen: usize,
}

impl Machines {
    /// The address of a pod's container.
    pub(super) fn address(&self, pod: &str) -> Option<SocketAddr> {
        self.running.get(pod).map(|(_, running)| running.address())
    }

    /// Stops servers whose pods no longer run, and returns the runs that have begun since the last call.
    fn changes(&mut self, state: &State) -> Vec<Run> {
        self.running.retain(|_, (run, _)| state.has_pod(run));
        let begun = state.runs.get(self.seen..).unwrap_or_default().to_vec();
        self.seen = state.runs.len();
        begun
    }
}

/// Brings the servers to the state of the cluster.
pub(super) async fn follow(machines: &Mutex<Machines>, state: &Mutex<State>) {
    let launcher = lock(state).options.launcher.clone();
    let Some(launcher) = launcher else {
        return;
    };
    let begun = lock(machines).changes(&lock(state));
    for run in begun {
        let launched = launch(&launcher, &run).await;
        if let Ok(running) = launched {
            let pod = run.pod.clone();
            lock(machines).running.insert(pod, (run, running));
        }
    }
}

async fn launch(launcher: &Arc<dyn Launcher>, run: &Run) -> std::io::Result<Box<dyn Running>> {
    let container = Container {
        service_name: run.pod.clone(),
        image: run.image.clone(),
        start_command: None,
        variables: run.variables.clone(),
    };
    launcher.launch(container).await
}
