//! Common steps of the provider's operations: look up an instance, deploy it, and wait for it.

use std::time::Duration;

use agent_pool_core::{Context, ErrorKind, InfraHandle, InstanceId, ProviderError};
use chrono::{SecondsFormat, Utc};
use futures_util::future::try_join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::Value;
use url::Url;

use crate::fault::Call;
use crate::infra::Kubernetes;
use crate::kind::{self, Kind};
use crate::names::{self, NAME};
use crate::parts::Parts;
use crate::reference::{Place, ensure_not_deleting, label};
use crate::state;
use crate::workload::Workload;

/// Interval between checks of a deletion.
const DELETION_PAUSE: Duration = Duration::from_millis(250);
/// Time limit of a deletion if the context has no deadline.
const DELETION_LIMIT: Duration = Duration::from_secs(120);

impl Kubernetes {
    /// The instance's StatefulSet; `None` if it does not exist.
    pub(crate) async fn find(
        &self,
        cx: &Context,
        namespace: &str,
        name: &str,
    ) -> Result<Option<StatefulSet>, ProviderError> {
        let call = Call::new("get", &kind::STATEFUL_SET, namespace, name);
        let found: Option<StatefulSet> = self.cluster.find(cx, &call).await?;
        let ours = found.filter(|set| label(set, NAME) == Some(name));
        Ok(ours)
    }

    /// The instance's StatefulSet; an error if it does not exist or is being deleted.
    pub(crate) async fn existing(
        &self,
        cx: &Context,
        handle: &InfraHandle,
    ) -> Result<StatefulSet, ProviderError> {
        let name = handle.service.as_str();
        let found = match names::is_plain(name) {
            true => {
                self.find(cx, &self.namespace_of(handle).await?, name)
                    .await?
            }
            false => None,
        };
        let set = found.ok_or_else(|| {
            ErrorKind::NotFound.because(format!("the cluster has no StatefulSet {name}"))
        })?;
        ensure_not_deleting(&set, name)?;
        Ok(set)
    }

    pub(crate) async fn namespace_of(&self, handle: &InfraHandle) -> Result<String, ProviderError> {
        let place: Option<Place> = handle.read_data().unwrap_or_default();
        match place {
            Some(place) if names::is_plain(&place.namespace) => Ok(place.namespace),
            _ => Ok(self.cluster.namespace().await?.to_owned()),
        }
    }

    pub(crate) fn url(
        &self,
        cx: &Context,
        namespace: &str,
        instance: &InstanceId,
    ) -> Result<Url, ProviderError> {
        let name = cx.mark().label(instance);
        let port = self.settings.container_port;
        let url = self.settings.url_of(instance, &name).unwrap_or_else(|| {
            Url::parse(&format!("http://{name}.{namespace}.svc:{port}"))
                .map_err(|error| error.to_string())
        });
        url.map_err(|problem| {
            ErrorKind::Invalid.because(format!("KUBERNETES_URL_TEMPLATE {problem}"))
        })
    }

    /// Applies manifests concurrently.
    pub(crate) async fn apply_all(
        &self,
        cx: &Context,
        namespace: &str,
        manifests: &[(&Kind, Value)],
    ) -> Result<(), ProviderError> {
        let applied = manifests
            .iter()
            .map(|(kind, manifest)| self.cluster.apply::<Value>(cx, kind, namespace, manifest));
        try_join_all(applied).await.map(drop)
    }

    /// Applies the current settings to the instance and restarts it with its variables.
    pub(crate) async fn deploy(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        image: Option<&str>,
    ) -> Result<(), ProviderError> {
        let set = self.existing(cx, handle).await?;
        let namespace = &self.namespace_of(handle).await?;
        let url = self.url(cx, namespace, &handle.instance)?;
        // Before the pod: it must not run without its network policy.
        let parts = self
            .parts(cx, namespace, &handle.instance, &set, &url)
            .await?;
        self.apply_all(cx, namespace, &parts.configurable_parts())
            .await?;
        let workload = Workload {
            mark: cx.mark(),
            instance: &handle.instance,
            image: image
                .or_else(|| state::image(&set))
                .unwrap_or(&self.settings.image),
            url: url.as_str(),
            deployed_at: Some(Utc::now().to_rfc3339_opts(SecondsFormat::Nanos, true)),
            version: set.metadata.resource_version.clone(),
        };
        let manifest = workload.manifest(&self.settings.with(&handle.options)?);
        let applied = self
            .cluster
            .apply::<Value>(cx, &kind::STATEFUL_SET, namespace, &manifest);
        applied.await.map(drop)
    }

    pub(crate) async fn parts<'a>(
        &'a self,
        cx: &'a Context,
        namespace: &'a str,
        instance: &'a InstanceId,
        set: &'a StatefulSet,
        url: &'a Url,
    ) -> Result<Parts<'a>, ProviderError> {
        Ok(Parts {
            mark: cx.mark(),
            instance,
            owner: set.metadata.uid.as_deref().unwrap_or_default(),
            namespace,
            url,
            server: self.cluster.server_host().await?,
            settings: &self.settings,
        })
    }

    /// Waits until the API server has deleted the StatefulSet and everything that it owns.
    pub(crate) async fn deleted(&self, cx: &Context, call: &Call<'_>) -> Result<(), ProviderError> {
        let cx = &cx.within(DELETION_LIMIT);
        let late = |error: ProviderError| {
            let message = format!(
                "{} is still being deleted: its finalizers or those of its pod and volume are not done",
                call.name
            );
            ErrorKind::Unavailable.because(message).with_source(error)
        };
        let mut seen = false;
        loop {
            match self.cluster.find::<Value>(cx, call).await {
                Ok(Some(_)) => seen = true,
                Ok(None) => return Ok(()),
                // The deadline came during this look.
                Err(error)
                    if seen
                        && error.kind() == ErrorKind::Unavailable
                        && cx.remaining().is_some_and(|left| left.is_zero()) =>
                {
                    return Err(late(error));
                }
                Err(error) => return Err(error),
            }
            cx.pause(DELETION_PAUSE).await.map_err(late)?;
        }
    }

    /// Checks that the namespace exists. The list of one that does not exist is empty, and every instance would look
    /// gone.
    pub(crate) async fn namespace_exists(
        &self,
        cx: &Context,
        namespace: &str,
    ) -> Result<(), ProviderError> {
        match self.cluster.namespace_exists(cx, namespace).await? {
            true => Ok(()),
            false => Err(ErrorKind::Invalid.because(format!(
                "the cluster has no namespace {namespace}: create it, or correct KUBERNETES_NAMESPACE"
            ))),
        }
    }
}
