//! Removes everything that a stack has left on the engine.

use std::collections::HashMap;

use anyhow::Context as _;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};

use crate::find::Engine;

impl Engine {
    /// Removes every container, network and volume with this label, such as `agent-pool.mark=ap-dev-`.
    ///
    /// # Errors
    /// The engine does not answer, or refuses; the other objects are removed.
    pub async fn remove_labelled(&self, label: &str) -> anyhow::Result<()> {
        let filter = HashMap::from([("label", vec![label.to_owned()])]);
        let client = &self.client;
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filter);
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        for container in client.list_containers(Some(options.build())).await? {
            let id = container.id.unwrap_or_default();
            let removed = client.remove_container(&id, Some(force.clone())).await;
            removed.with_context(|| format!("cannot remove container {id}"))?;
        }
        let options = ListNetworksOptionsBuilder::new().filters(&filter).build();
        for network in client.list_networks(Some(options)).await? {
            let name = network.name.unwrap_or_default();
            let removed = client.remove_network(&name).await;
            removed.with_context(|| format!("cannot remove network {name}"))?;
        }
        let options = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let listed = client.list_volumes(Some(options)).await?;
        for volume in listed.volumes.unwrap_or_default() {
            let removed = client
                .remove_volume(&volume.name, None::<RemoveVolumeOptions>)
                .await;
            removed.with_context(|| format!("cannot remove volume {}", volume.name))?;
        }
        Ok(())
    }
}
