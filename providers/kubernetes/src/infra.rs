//! The provider.

use std::collections::HashMap;
use std::sync::Arc;

use agent_pool_core::settings::{Environment, SettingSpec, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, EnvVars, ErrorKind, InfraCapabilities, InfraHandle, InfraOptions,
    InfraProvider, InstanceId, InstanceSpec, ListedInstance, LogLine, ProviderError, Redeploy,
    absent_is_done,
};
use async_trait::async_trait;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::fault::Call;
use crate::kind;
use crate::names::{self, NAME};
use crate::reference::{ensure_not_deleting, label, reference};
use crate::settings::{RECIPE_SETTINGS, Settings};
use crate::workload::Workload;
use crate::{access, listed, logs, state};

/// Runs instances as pods.
#[derive(Debug)]
pub struct Kubernetes {
    pub(crate) settings: Settings,
    pub(crate) cluster: Cluster,
}

impl Kubernetes {
    /// The specs of the settings.
    #[must_use]
    pub fn settings() -> Vec<SettingSpec> {
        Settings::describe()
    }

    /// Reads the settings and the kubeconfig, and builds the provider, without a call to the API server.
    ///
    /// # Errors
    /// `KUBERNETES_IMAGE` is missing, there is neither a kubeconfig nor a service account, or a variable has an
    /// invalid value.
    pub fn build(environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        let settings = Settings::read(environment)?;
        let cluster = Cluster::new(&settings, environment)?;
        Ok(Arc::new(Self { settings, cluster }))
    }
}

#[async_trait]
impl InfraProvider for Kubernetes {
    fn default_image(&self) -> Option<&str> {
        Some(&self.settings.image)
    }

    fn recipe_settings(&self) -> &'static [&'static str] {
        &RECIPE_SETTINGS
    }

    fn check_options(&self, options: &InfraOptions) -> Result<(), ProviderError> {
        self.settings.with(options).map(drop)
    }

    fn capabilities(&self) -> InfraCapabilities {
        InfraCapabilities {
            logs: true,
            update_image: true,
            verify: true,
        }
    }

    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        let name = cx.mark().label(instance);
        let namespace = self.cluster.namespace().await?;
        let url = self.url(cx, namespace, instance)?;
        let image = spec.image.as_deref().unwrap_or(&self.settings.image);
        // Looked up even in a first attempt: applying would take over an object that somebody else has under this
        // name, or stop a running instance.
        let call = Call::new("get", &kind::STATEFUL_SET, namespace, &name);
        let set = match self.cluster.find::<StatefulSet>(cx, &call).await? {
            Some(set) if label(&set, NAME) != Some(name.as_str()) => {
                let message = format!(
                    "the cluster has a StatefulSet {name} that is not ours: delete or rename it"
                );
                return Err(ErrorKind::Conflict.because(message));
            }
            Some(set) => set,
            None => {
                let workload = Workload {
                    mark: cx.mark(),
                    instance,
                    image,
                    url: url.as_str(),
                    deployed_at: None,
                    version: None,
                };
                let manifest = workload.manifest(&self.settings.with(&spec.options)?);
                self.cluster
                    .apply(cx, &kind::STATEFUL_SET, namespace, &manifest)
                    .await?
            }
        };
        ensure_not_deleting(&set, &name)?;
        let parts = self.parts(cx, namespace, instance, &set, &url).await?;
        let manifests: Vec<_> = parts
            .persistent_parts()
            .into_iter()
            .chain(parts.configurable_parts())
            .collect();
        self.apply_all(cx, namespace, &manifests).await?;
        let image = state::image(&set).unwrap_or(image).to_owned();
        let handle = reference(namespace, &name, instance, image)?;
        Ok(CreatedInfra { handle, url })
    }

    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let set = self.existing(cx, handle).await?;
        let namespace = &self.namespace_of(handle).await?;
        let name = set.metadata.name.as_deref().unwrap_or_default();
        let call = Call::new("patch", &kind::SECRET, namespace, name);
        self.cluster
            .merge(cx, &call, &json!({ "data": encoded(variables) }))
            .await?;
        match redeploy {
            Redeploy::Yes => self.deploy(cx, handle, None).await,
            Redeploy::No => Ok(()),
        }
    }

    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        self.deploy(cx, handle, None).await
    }

    async fn update_image(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        image: &str,
    ) -> Result<(), ProviderError> {
        self.deploy(cx, handle, Some(image)).await
    }

    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let name = handle.service.as_str();
        if !names::is_plain(name) {
            return Ok(());
        }
        let namespace = &self.namespace_of(handle).await?;
        let Some(set) = self.find(cx, namespace, name).await? else {
            return Ok(());
        };
        if set.metadata.deletion_timestamp.is_none() {
            let call = Call::new("delete", &kind::STATEFUL_SET, namespace, name);
            absent_is_done(self.cluster.delete(cx, &call).await)?;
        }
        self.deleted(cx, &Call::new("get", &kind::STATEFUL_SET, namespace, name))
            .await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        let namespace = self.cluster.namespace().await?;
        let selector = names::selector(cx.mark());
        let sets = Call::new("list", &kind::STATEFUL_SET, namespace, "");
        let pods = Call::new("list", &kind::POD, namespace, "");
        let (sets, pods) = futures_util::try_join!(
            self.cluster.list(cx, &sets, &selector),
            self.cluster.list(cx, &pods, &selector),
        )?;
        if sets.is_empty() {
            self.namespace_exists(cx, namespace).await?;
        }
        let pods: HashMap<String, Pod> = pods.into_iter().filter_map(listed::pod).collect();
        let instances = sets
            .into_iter()
            .filter_map(|item| listed::read(cx.mark(), item));
        let listed = instances.map(|one| {
            let state = one.state(&pods, self.settings.restart_max);
            let (status, detail) = state.map_or((None, None), |it| (Some(it.status), it.words));
            Ok(ListedInstance {
                url: Some(self.url(cx, namespace, &one.instance)?),
                created_at: one.created_at(),
                handle: reference(
                    namespace,
                    &one.name,
                    &one.instance,
                    one.image().unwrap_or_default().to_owned(),
                )?,
                status,
                detail,
                image_digest: one.image_digest(&pods),
            })
        });
        listed.collect()
    }

    async fn logs(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        let set = self.existing(cx, handle).await?;
        let namespace = &self.namespace_of(handle).await?;
        let pod_name = format!("{}-0", handle.service.as_str());
        let pod: Option<Pod> = self
            .cluster
            .find(cx, &Call::new("get", &kind::POD, namespace, &pod_name))
            .await?;
        let mut written = match &pod {
            Some(_) => logs::tail(&self.cluster, cx, namespace, &pod_name, lines).await?,
            None => Vec::new(),
        };
        // The output does not contain the reason why it does not run.
        let state = state::from_objects(&set, pod.as_ref(), self.settings.restart_max);
        if let Some(words) = state.and_then(|state| state.words) {
            written.push(LogLine {
                at: None,
                text: format!("kubernetes: {words}"),
            });
        }
        written.drain(..written.len().saturating_sub(lines));
        Ok(written)
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        access::check(&self.cluster, cx, &self.settings).await
    }
}

/// The variables, encoded for the member `data` of a Secret.
fn encoded(variables: &EnvVars) -> Map<String, Value> {
    let pairs = variables.iter().map(|(name, value)| {
        let bytes = ByteString(value.expose().as_bytes().to_vec());
        (name.as_str().to_owned(), json!(bytes))
    });
    pairs.collect()
}
