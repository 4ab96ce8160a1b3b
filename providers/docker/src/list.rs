//! All our instances, including incomplete ones.

use std::collections::{BTreeMap, HashMap};

use agent_pool_core::{Context, DeployStatus, InstanceId, ListedInstance, ProviderError};
use bollard::query_parameters::{ListNetworksOptionsBuilder, ListVolumesOptionsBuilder};
use chrono::{DateTime, Utc};

use crate::container::Container;
use crate::infra::{Docker, handle};
use crate::{names, why};

/// The objects of one instance at the engine.
#[derive(Debug, Default)]
struct Found {
    name: String,
    /// The newest first.
    generations: Vec<Container>,
    /// The creation time of its volume or network.
    created_at: Option<DateTime<Utc>>,
}

impl Docker {
    /// Makes one call for each kind of object, and one for each ended container to get the reason.
    pub(crate) async fn list_instances(
        &self,
        cx: &Context,
    ) -> Result<Vec<ListedInstance>, ProviderError> {
        let mut all = self.list_leftovers(cx).await?;
        for container in self.containers(cx, names::filter_environment(cx)).await? {
            let found = all.entry(container.instance.clone()).or_default();
            found.name.clone_from(&container.name);
            if !container.is_going() {
                found.generations.push(container);
            }
        }
        let mut listed = Vec::new();
        for (instance, mut found) in all {
            let newest_first = |one: &Container| std::cmp::Reverse(one.generation);
            found.generations.sort_by_key(newest_first);
            listed.push(self.listed(cx, &instance, &found).await?);
        }
        Ok(listed)
    }

    /// Volumes and networks: an interrupted creation or destruction may leave them without a container.
    async fn list_leftovers(
        &self,
        cx: &Context,
    ) -> Result<BTreeMap<InstanceId, Found>, ProviderError> {
        let filter = names::filter_environment(cx);
        let client = self.engine.client(cx).await?;
        let options = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let volumes = self
            .engine
            .call(cx, client.list_volumes(Some(options)))
            .await?;
        let volumes = volumes.volumes.unwrap_or_default().into_iter();
        let options = ListNetworksOptionsBuilder::new().filters(&filter).build();
        let networks = self
            .engine
            .call(cx, client.list_networks(Some(options)))
            .await?;
        let networks = networks.into_iter();
        let mut all: BTreeMap<InstanceId, Found> = BTreeMap::new();
        let volumes = volumes.map(|volume| (volume.labels, volume.created_at));
        let networks =
            networks.map(|network| (network.labels.unwrap_or_default(), network.created));
        for (labels, created) in volumes.chain(networks) {
            if let Some((instance, name)) = owner(&labels) {
                let found = all.entry(instance).or_default();
                found.name = name;
                found.created_at = created.and_then(|at| at.parse().ok());
            }
        }
        Ok(all)
    }

    async fn listed(
        &self,
        cx: &Context,
        instance: &InstanceId,
        found: &Found,
    ) -> Result<ListedInstance, ProviderError> {
        let Some(newest) = found.generations.first() else {
            return Ok(ListedInstance {
                handle: handle(&found.name, instance, None)?,
                status: Some(DeployStatus::Removed),
                detail: Some("its container is gone, and its volume or network is left".to_owned()),
                url: None,
                created_at: found.created_at,
                image_digest: None,
            });
        };
        // A generation that waits for its deployment says nothing about the one that runs.
        let mut generations = found.generations.iter();
        let deployed = generations.find(|container| container.was_started());
        let detail = match deployed.filter(|container| container.has_ended()) {
            Some(ended) => why::detail(&self.engine, cx, ended).await?,
            None => None,
        };
        Ok(ListedInstance {
            handle: handle(
                &found.name,
                instance,
                deployed.unwrap_or(newest).image.clone(),
            )?,
            status: deployed.and_then(Container::status),
            detail,
            url: self.url(cx, instance, newest.port)?,
            created_at: newest.created_at,
            image_digest: deployed.unwrap_or(newest).image_digest.clone(),
        })
    }
}

/// The instance of these labels, and the name that its objects share.
fn owner(labels: &HashMap<String, String>) -> Option<(InstanceId, String)> {
    let instance = labels.get(names::INSTANCE)?.parse().ok()?;
    Some((instance, labels.get(names::NAME)?.clone()))
}
