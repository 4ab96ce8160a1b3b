//! The handle of an instance, made from its StatefulSet.

use std::time::Duration;

use agent_pool_core::{ErrorKind, InfraHandle, InstanceId, ProviderError};
use k8s_openapi::api::apps::v1::StatefulSet;
use serde::{Deserialize, Serialize};

/// How long to wait if an earlier instance of this name is still being deleted.
const DELETION_WAIT: Duration = Duration::from_secs(2);

/// The data of a handle besides the name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) namespace: String,
}

/// Refuses an object that is being deleted, because nothing can be added to it.
pub(crate) fn ensure_not_deleting(set: &StatefulSet, name: &str) -> Result<(), ProviderError> {
    if set.metadata.deletion_timestamp.is_none() {
        return Ok(());
    }
    let message = format!("{name} is still being deleted");
    Err(ErrorKind::Conflict
        .because(message)
        .with_retry_after(DELETION_WAIT))
}

pub(crate) fn label<'a>(set: &'a StatefulSet, key: &str) -> Option<&'a str> {
    set.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// The handle of an instance.
pub(crate) fn reference(
    namespace: &str,
    name: &str,
    instance: &InstanceId,
    image: String,
) -> Result<InfraHandle, ProviderError> {
    let place = Place {
        namespace: namespace.to_owned(),
    };
    let handle = InfraHandle::new(instance.clone(), name.parse()?).with_data(&place)?;
    Ok(InfraHandle {
        image: Some(image),
        ..handle
    })
}
