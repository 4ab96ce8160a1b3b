//! An instance's folder, locked for one operation.

use std::io;
use std::path::Path;
use std::time::Duration;

use agent_pool_core::ProviderError;
use tokio::task::JoinSet;

use crate::error::{blocking, machine};
use crate::folder::{self, Folder, Lock};
use crate::launch::variable;
use crate::process::stop;
use crate::service::{Deployment, Service};

pub(crate) struct Open {
    pub(crate) folder: Folder,
    /// `None` if the folder is incomplete.
    pub(crate) service: Option<Service>,
    _lock: Lock,
}

impl Open {
    /// `None` if there is no folder. Blocks.
    pub(crate) fn new(folder: Folder) -> Result<Option<Self>, ProviderError> {
        Self::locked(folder, |error| Err(machine("reading service.json")(error)))
    }

    /// Like [`Self::new`], for an instance that is to be stopped. Its record may be unreadable: its processes are
    /// then found by their environment alone. Blocks.
    pub(crate) fn to_stop(folder: Folder) -> Result<Option<Self>, ProviderError> {
        Self::locked(folder, |_| Ok(None))
    }

    fn locked(
        folder: Folder,
        unreadable: impl FnOnce(io::Error) -> Result<Option<Service>, ProviderError>,
    ) -> Result<Option<Self>, ProviderError> {
        let Some(lock) = folder.lock().map_err(machine("locking the folder"))? else {
            return Ok(None);
        };
        let service = Service::load(&folder.service()).or_else(unreadable)?;
        Ok(Some(Self {
            folder,
            service,
            _lock: lock,
        }))
    }

    /// Stops every process of the instance.
    pub(crate) async fn stop(self, grace: Duration) -> Result<Self, ProviderError> {
        let deployment = self.service.as_ref().map(|service| &service.deployment);
        let leader = match deployment {
            Some(Deployment::Started(process)) => Some(process.clone()),
            Some(
                Deployment::Never | Deployment::Starting | Deployment::Failed | Deployment::Ended,
            )
            | None => None,
        };
        let stopped = stop(leader, variable(&self.folder), grace).await;
        stopped.map_err(machine("ending the processes"))?;
        Ok(self)
    }
}

/// Ends every process of every instance below `data_dir` (a `LOCAL_DATA_DIR`) and keeps everything else, so that a
/// deployment restores each instance. For a program that owns the machine's instances and exits; services-svc leaves
/// them running.
///
/// # Errors
/// When a folder cannot be read or a process cannot be ended; the others are ended nevertheless.
pub async fn stop_all(data_dir: &Path) -> Result<(), ProviderError> {
    const GRACE: Duration = Duration::from_secs(5);
    let data_dir = std::path::absolute(data_dir).map_err(machine("finding the data folder"))?;
    let folders =
        blocking(move || folder::all(&data_dir).map_err(machine("reading the data folder")));
    let mut stops = JoinSet::new();
    for folder in folders.await? {
        stops.spawn(async move {
            match blocking(|| Open::to_stop(folder)).await? {
                Some(open) => open.stop(GRACE).await.map(drop),
                None => Ok(()),
            }
        });
    }
    stops.join_all().await.into_iter().collect()
}
