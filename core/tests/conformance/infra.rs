//! An infra provider of the vendor in memory, and its harness.

use std::sync::Arc;

use agent_pool_core::conformance::{Fault, Harness, Held, InfraHarness, Unsupported};
use agent_pool_core::registry::InfraRegistration;
use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, DeployStatus, EnvVars, ErrorKind, InfraCapabilities, InfraHandle,
    InfraProvider, InstanceId, InstanceSpec, ListedInstance, ProviderError, Redeploy, Secret,
};
use async_trait::async_trait;
use url::Url;

use crate::account::{Account, describe};
use crate::flaw::Flaw;
use crate::vendor::{KEY, PAGE, Thing, Vendor};

const KINDS: [&str; 2] = ["service", "volume"];

#[derive(Debug)]
struct Trial(Account);

fn handle(instance: &InstanceId, service: &Thing) -> Result<InfraHandle, ProviderError> {
    Ok(InfraHandle::new(instance.clone(), service.id.parse()?))
}

fn url(service: &Thing) -> Result<Url, ProviderError> {
    let url = Url::parse(&format!("https://{}.invalid", service.id));
    url.map_err(|error| ProviderError::new(ErrorKind::Protocol, error.to_string()))
}

/// Without the references in them, as if there were nothing that they refer to.
fn evaluated(variables: &EnvVars) -> EnvVars {
    let evaluate = |value: &Secret| Secret::new(value.expose().replace("${{CF_PLAIN}}", ""));
    let pairs = variables.iter();
    pairs
        .map(|(name, value)| (name.clone(), evaluate(value)))
        .collect()
}

impl Trial {
    async fn deploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let deploy = |vendor: &mut crate::vendor::State| {
            let service = vendor.thing(handle.service.as_str())?;
            service.deployments.push(service.variables.clone());
            Ok(())
        };
        self.0.call(cx, "deploy", deploy).await
    }
}

#[async_trait]
impl InfraProvider for Trial {
    fn capabilities(&self) -> InfraCapabilities {
        InfraCapabilities {
            logs: self.0.has(Flaw::DeclaresTooMuch),
            update_image: false,
            verify: !self.0.has(Flaw::DeclaresTooLittle),
        }
    }

    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        _: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        let service = self.0.make(cx, instance, KINDS).await?;
        let handle = handle(instance, &service)?;
        if self.0.has(Flaw::StartsAtOnce) {
            self.deploy(cx, &handle).await?;
        }
        let url = url(&service)?;
        Ok(CreatedInfra { handle, url })
    }

    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let set = |vendor: &mut crate::vendor::State| {
            let service = vendor.thing(handle.service.as_str())?;
            service
                .variables
                .merge(if self.0.has(Flaw::EvaluatesValues) {
                    evaluated(variables)
                } else {
                    variables.clone()
                });
            Ok(!service.deployments.is_empty())
        };
        let runs = self.0.call(cx, "set", set).await?;
        let times = match redeploy {
            Redeploy::Yes if self.0.has(Flaw::DeploysForEach) => variables.iter().count(),
            Redeploy::Yes => 1,
            Redeploy::No => usize::from(runs && self.0.has(Flaw::RestartsWhatRuns)),
        };
        for _ in 0..times {
            self.deploy(cx, handle).await?;
        }
        Ok(())
    }

    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        if self.0.has(Flaw::Forgets) {
            let forget = |vendor: &mut crate::vendor::State| {
                vendor.thing(handle.service.as_str())?.variables = EnvVars::new();
                Ok(())
            };
            self.0.call(cx, "forget", forget).await?;
        }
        self.deploy(cx, handle).await
    }

    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        self.0.remove(cx, handle.service.as_str()).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        let listed = self.0.list(cx, KINDS).await?.into_iter();
        let listed = listed.map(|(instance, service)| {
            let deployed = !service.deployments.is_empty() && !self.0.has(Flaw::NoStatus);
            Ok(ListedInstance {
                handle: handle(&instance, &service)?,
                status: deployed.then_some(DeployStatus::Success),
                detail: None,
                url: Some(url(&service)?),
                created_at: None,
            })
        });
        listed.collect()
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        self.0.call(cx, "verify", |_| Ok(())).await
    }
}

pub(crate) struct AtVendor {
    vendor: Arc<Vendor>,
    flaw: Option<Flaw>,
}

impl AtVendor {
    pub(crate) fn good() -> Self {
        Self {
            vendor: Arc::default(),
            flaw: None,
        }
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            ..Self::good()
        }
    }
}

#[async_trait]
impl Harness for AtVendor {
    fn environment(&self) -> Environment {
        Environment::from_iter([("TRIAL_API_KEY", KEY)])
    }

    async fn held(&self) -> Vec<Held> {
        self.vendor.held()
    }

    fn page_size(&self) -> Option<usize> {
        Some(PAGE)
    }

    fn changes(&self) -> &'static [&'static str] {
        &KINDS
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        self.vendor.set_fault(Some(fault));
        Ok(())
    }

    async fn heal(&self) {
        self.vendor.set_fault(None);
    }

    async fn seed(&self, labels: &[String]) -> Result<(), Unsupported> {
        for label in labels {
            KINDS
                .into_iter()
                .for_each(|kind| self.vendor.state().create(kind, label));
        }
        Ok(())
    }
}

#[async_trait]
impl InfraHarness for AtVendor {
    fn registration(&self) -> InfraRegistration {
        InfraRegistration {
            id: "trial",
            name: "Trial",
            crate_name: "trial",
            settings: describe,
            build: |_| {
                Err(SettingsError::fault(
                    "TRIAL_API_KEY",
                    "needs the vendor in memory",
                ))
            },
        }
    }

    fn build(&self, environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        let account = Account::build(&self.vendor, self.flaw, environment)?;
        Ok(Arc::new(Trial(account)))
    }

    async fn deployments(&self, handle: &InfraHandle) -> Option<Vec<EnvVars>> {
        let mut state = self.vendor.state();
        let service = state.thing(handle.service.as_str());
        Some(service.map_or_else(|_| Vec::new(), |service| service.deployments.clone()))
    }
}
