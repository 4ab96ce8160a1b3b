//! The network, the volume and the image of an instance: created if absent, removed if ours.

use std::collections::HashMap;

use agent_pool_core::{Context, ErrorKind, InstanceId, ProviderError, absent_is_done};
use bollard::models::{ImageInspect, NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{
    CreateImageOptionsBuilder, InspectNetworkOptions, RemoveVolumeOptions,
};
use futures_util::TryStreamExt as _;

use crate::container::digest;
use crate::engine::{Engine, found};
use crate::names;
use crate::settings::{Pull, Settings};

/// Ensures that the engine has the image.
pub(crate) async fn ensure_image(
    engine: &Engine,
    cx: &Context,
    settings: &Settings,
    image: &str,
) -> Result<(), ProviderError> {
    let there = find_image(engine, cx, image).await?.is_some();
    let pull = match settings.pull {
        Pull::Always => true,
        Pull::Missing => !there,
        Pull::Never if there => false,
        Pull::Never => {
            let message = format!(
                "the engine has no image {image}, and DOCKER_PULL=never: pull or build it, or correct DOCKER_IMAGE"
            );
            return Err(ErrorKind::Invalid.because(message));
        }
    };
    if pull {
        let client = engine.client(cx).await?;
        let options = CreateImageOptionsBuilder::new()
            .from_image(&with_tag(image))
            .build();
        let progress = client.create_image(Some(options), None, settings.credentials());
        engine
            .call(cx, progress.try_for_each(|_| async { Ok(()) }))
            .await?;
    }
    Ok(())
}

/// The digest of the image of the next container. The engine pulls the image first if it lacks it. With
/// `DOCKER_PULL=always`, a new image in the registry is noticed only after a container was created, because checking
/// here would pull each time.
pub(crate) async fn resolve_image(
    engine: &Engine,
    cx: &Context,
    settings: &Settings,
    image: &str,
) -> Result<Option<String>, ProviderError> {
    let mut there = find_image(engine, cx, image).await?;
    if there.is_none() {
        ensure_image(engine, cx, settings, image).await?;
        there = find_image(engine, cx, image).await?;
    }
    let id = there.and_then(|image| image.id);
    Ok(id.as_deref().and_then(digest))
}

async fn find_image(
    engine: &Engine,
    cx: &Context,
    image: &str,
) -> Result<Option<ImageInspect>, ProviderError> {
    let client = engine.client(cx).await?;
    found(engine.call(cx, client.inspect_image(image)).await)
}

/// Without a tag an engine pulls every existing tag.
fn with_tag(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains([':', '@']) {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

/// Ensures that the instance's volume exists.
///
/// It is created separately, because a volume that is created together with a container has no labels. If it exists,
/// the engine returns it with its old labels.
pub(crate) async fn ensure_volume(
    engine: &Engine,
    cx: &Context,
    instance: &InstanceId,
) -> Result<(), ProviderError> {
    let name = cx.mark().label(instance);
    let request = VolumeCreateRequest {
        name: Some(name.clone()),
        labels: Some(names::labels(cx.mark(), instance)),
        ..VolumeCreateRequest::default()
    };
    let client = engine.client(cx).await?;
    let volume = engine.call(cx, client.create_volume(request)).await?;
    if volume.labels.get(names::NAME) == Some(&name) {
        Ok(())
    } else {
        let message =
            format!("the engine has a volume {name} that is not ours: remove or rename it");
        Err(ErrorKind::Conflict.because(message))
    }
}

/// Ensures that the instance's own network exists, unless a shared one is set.
pub(crate) async fn ensure_network(
    engine: &Engine,
    cx: &Context,
    settings: &Settings,
    instance: &InstanceId,
) -> Result<(), ProviderError> {
    if settings.network.is_some() {
        return Ok(());
    }
    let name = cx.mark().label(instance);
    let client = engine.client(cx).await?;
    let inspect = client.inspect_network(&name, None::<InspectNetworkOptions>);
    if found(engine.call(cx, inspect).await)?.is_some() {
        return Ok(());
    }
    let request = NetworkCreateRequest {
        name,
        driver: Some("bridge".to_owned()),
        // Podman's option for what Docker does by default between two bridges: no traffic to other networks.
        options: Some(HashMap::from([("isolate".to_owned(), "true".to_owned())])),
        labels: Some(names::labels(cx.mark(), instance)),
        ..NetworkCreateRequest::default()
    };
    match engine.call(cx, client.create_network(request)).await {
        // Another creation for the same instance was faster.
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        made => made.map(drop),
    }
}

/// Removes the volume and the network with this name, if they have our label.
pub(crate) async fn remove(engine: &Engine, cx: &Context, name: &str) -> Result<(), ProviderError> {
    let client = engine.client(cx).await?;
    let network = client.inspect_network(name, None::<InspectNetworkOptions>);
    if let Some(network) = found(engine.call(cx, network).await)?
        && is_ours(network.labels.as_ref(), name)
    {
        absent_is_done(engine.call(cx, client.remove_network(name)).await)?;
    }
    if let Some(volume) = found(engine.call(cx, client.inspect_volume(name)).await)?
        && is_ours(Some(&volume.labels), name)
    {
        let remove = client.remove_volume(name, None::<RemoveVolumeOptions>);
        absent_is_done(engine.call(cx, remove).await)?;
    }
    Ok(())
}

fn is_ours(labels: Option<&HashMap<String, String>>, name: &str) -> bool {
    labels
        .and_then(|labels| labels.get(names::NAME))
        .is_some_and(|own| own == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        for (image, pulled) in [
            ("agent", "agent:latest"),
            (
                "registry:5000/team/agent",
                "registry:5000/team/agent:latest",
            ),
            ("agent:2", "agent:2"),
            ("agent@sha256:00", "agent@sha256:00"),
        ] {
            assert_eq!(with_tag(image), pulled);
        }
    }
}
