//! A handle with Railway's own ids in it.

use agent_pool_core::{InfraHandle, InfraOptions, InstanceId, ProviderError, ServiceId};
use serde::{Deserialize, Serialize};

use crate::placement::Home;

/// [`InfraHandle`] as this crate reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handle {
    pub(crate) instance: InstanceId,
    pub(crate) service: ServiceId,
    pub(crate) environment: String,
    pub(crate) project: Option<String>,
    pub(crate) volume: Option<String>,
    pub(crate) image: Option<String>,
    /// Where it was created; absent in handles of older versions.
    pub(crate) region: Option<String>,
    pub(crate) options: InfraOptions,
}

/// The provider's own data of a handle, as Services stores it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    environment_id: String,
    project_id: Option<String>,
    volume_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
}

impl Handle {
    /// The handle of a service, without a volume and an image.
    pub(crate) fn new(instance: InstanceId, service: ServiceId, home: &Home) -> Self {
        Self {
            instance,
            service,
            environment: home.environment.clone(),
            project: Some(home.project.clone()),
            volume: None,
            image: None,
            region: None,
            options: InfraOptions::new(),
        }
    }

    /// # Errors
    /// The handle was not written by this provider.
    pub(crate) fn read(handle: &InfraHandle) -> Result<Self, ProviderError> {
        let data: Data = handle.read_data()?;
        Ok(Self {
            instance: handle.instance.clone(),
            service: handle.service.clone(),
            environment: data.environment_id,
            project: data.project_id,
            volume: data.volume_id,
            image: handle.image.clone(),
            region: data.region,
            options: handle.options.clone(),
        })
    }

    pub(crate) fn write(self) -> Result<InfraHandle, ProviderError> {
        let data = Data {
            environment_id: self.environment,
            project_id: self.project,
            volume_id: self.volume,
            region: self.region,
        };
        let handle = InfraHandle {
            image: self.image,
            ..InfraHandle::new(self.instance, self.service)
        };
        handle.with_data(&data)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_handle_is_read_as_it_was_written() {
        let handle = Handle {
            instance: InstanceId::generate(),
            service: "s".parse().unwrap(),
            environment: "e".to_owned(),
            project: Some("p".to_owned()),
            volume: Some("v".to_owned()),
            image: Some("acme/runtime:1".to_owned()),
            region: Some("europe-west4".to_owned()),
            options: InfraOptions::new(),
        };
        let written = handle.clone().write().unwrap();
        let expected = json!({
            "environmentId": "e", "projectId": "p", "volumeId": "v", "region": "europe-west4",
        });
        assert_eq!(written.data, expected);
        assert_eq!(Handle::read(&written).unwrap(), handle);
    }

    #[test]
    fn a_handle_of_another_provider_is_refused_by_name() {
        let foreign = InfraHandle::new(InstanceId::generate(), "theirs".parse().unwrap());
        let error = Handle::read(&foreign).unwrap_err().to_string();
        assert!(error.contains("handle of service theirs"), "{error}");
    }
}
