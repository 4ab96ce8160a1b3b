//! The smallest infra there is.

use std::sync::Arc;

use async_trait::async_trait;

use crate::registry::InfraRegistration;
use crate::{
    Context, CreatedInfra, EnvVars, ErrorKind, InfraHandle, InfraProvider, InstanceId,
    InstanceSpec, ListedInstance, ProviderError, Redeploy,
};

/// Another team runs the instances: what is created is an address, and nothing is ours to change.
#[derive(Debug)]
pub struct Elsewhere;

impl Elsewhere {
    /// What its crate would submit.
    pub const REGISTRATION: InfraRegistration = InfraRegistration {
        id: "elsewhere",
        name: "Elsewhere",
        crate_name: "provider-elsewhere",
        settings: Vec::new,
        build: |_| Ok(Arc::new(Self)),
    };

    /// What it answers for the instance `k3v9x0a1b2c3` in the environment `dev`.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "an example cannot go on without")]
    pub fn created() -> CreatedInfra {
        created(&super::cx(), &"k3v9x0a1b2c3".parse().unwrap()).unwrap()
    }
}

fn created(cx: &Context, instance: &InstanceId) -> Result<CreatedInfra, ProviderError> {
    let label = cx.mark().label(instance);
    let url = format!("https://{label}.agents.example").parse();
    let url = url.map_err(|_| ErrorKind::Protocol.because("unusable label"))?;
    let handle = InfraHandle::new(instance.clone(), label.parse()?);
    Ok(CreatedInfra { handle, url })
}

#[async_trait]
impl InfraProvider for Elsewhere {
    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        _: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        created(cx, instance)
    }

    async fn configure(
        &self,
        _: &Context,
        _: &InfraHandle,
        _: &EnvVars,
        _: Redeploy,
    ) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn redeploy(&self, _: &Context, _: &InfraHandle) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn destroy(&self, _: &Context, _: &InfraHandle) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn list(&self, _: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        Ok(Vec::new())
    }
}
