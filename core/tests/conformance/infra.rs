//! An infra provider of the in-memory vendor, and its harness.

use std::sync::Arc;

use agent_pool_core::conformance::{Fault, Harness, Held, InfraHarness, Unsupported};
use agent_pool_core::registry::InfraRegistration;
use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, DeployStatus, EnvVars, ErrorKind, InfraCapabilities, InfraHandle,
    InfraOptions, InfraProvider, InstanceId, InstanceSpec, ListedInstance, LogLine, ProviderError,
    Redeploy, Secret, read_options,
};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::account::{Account, describe};
use crate::flaw::Flaw;
use crate::vendor::{KEY, PAGE, Thing, Vendor};

const KINDS: [&str; 2] = ["service", "volume"];
const IMAGE: &str = "example.org/trial:1";
const OTHER_IMAGE: &str = "example.org/trial:2";

#[derive(Debug)]
struct Trial(Account);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(rename = "size")]
    _size: Option<u32>,
}

fn handle(instance: &InstanceId, service: &Thing) -> Result<InfraHandle, ProviderError> {
    Ok(InfraHandle::new(instance.clone(), service.id.parse()?))
}

fn url(host: &str) -> Result<Url, ProviderError> {
    let url = Url::parse(&format!("https://{host}.invalid"));
    url.map_err(|error| ProviderError::new(ErrorKind::Protocol, error.to_string()))
}

/// Evaluates each reference to an empty text, as if nothing existed that it refers to.
fn evaluated(variables: &EnvVars) -> EnvVars {
    let evaluate = |value: &Secret| Secret::new(value.expose().replace("${{CF_PLAIN}}", ""));
    let pairs = variables.iter();
    pairs
        .map(|(name, value)| (name.clone(), evaluate(value)))
        .collect()
}

impl Trial {
    fn url(&self, service: &Thing) -> Result<Url, ProviderError> {
        match self.0.has(Flaw::OneAddress) {
            true => url("everybody"),
            false => url(&service.id),
        }
    }

    async fn deploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let deploy = |vendor: &mut crate::vendor::State| {
            let service = vendor.thing(handle.service.as_str())?;
            if !self.0.has(Flaw::KeepsTheOptions) || service.deployments.is_empty() {
                service.options.clone_from(&handle.options);
            }
            if self.0.has(Flaw::IgnoresOptions) {
                service.options.clear();
            }
            service.deployments.push(service.variables.clone());
            if service.image.is_empty() || self.0.has(Flaw::ForgetsTheImage) {
                IMAGE.clone_into(&mut service.image);
            }
            if self.0.has(Flaw::LosesData) {
                service.data = None;
            }
            Ok(())
        };
        self.0.call(cx, "deploy", deploy).await
    }
}

#[async_trait]
impl InfraProvider for Trial {
    fn capabilities(&self) -> InfraCapabilities {
        InfraCapabilities {
            logs: true,
            update_image: true,
            verify: !self.0.has(Flaw::DeclaresTooLittle),
        }
    }

    fn check_options(&self, options: &InfraOptions) -> Result<(), ProviderError> {
        match self.0.has(Flaw::AcceptsAnyOption) {
            true => Ok(()),
            false => read_options::<Options>(options).map(drop),
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
        let url = match self.0.has(Flaw::AddressChanges) && !service.deployments.is_empty() {
            true => url("elsewhere")?,
            false => self.url(&service)?,
        };
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
            let status = match service.ended && !self.0.has(Flaw::EndedIsRunning) {
                true => DeployStatus::Crashed,
                false => DeployStatus::Success,
            };
            Ok(ListedInstance {
                handle: handle(&instance, &service)?,
                status: deployed.then_some(status),
                detail: None,
                url: Some(self.url(&service)?),
                created_at: None,
                image_digest: None,
            })
        });
        listed.collect()
    }

    async fn logs(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        _: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        if self.0.has(Flaw::DeclaresTooMuch) {
            return Err(ProviderError::unsupported("logs"));
        }
        let read = |vendor: &mut crate::vendor::State| {
            Ok(vendor.thing(handle.service.as_str())?.lines.clone())
        };
        let mut lines = self.0.call(cx, "logs", read).await?;
        lines.retain(|_| !self.0.has(Flaw::SilentLogs));
        Ok(lines
            .iter()
            .map(|line| LogLine::with_timestamp(line))
            .collect())
    }

    async fn update_image(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        image: &str,
    ) -> Result<(), ProviderError> {
        let set = |vendor: &mut crate::vendor::State| {
            let service = vendor.thing(handle.service.as_str())?;
            if !self.0.has(Flaw::KeepsTheImage) {
                image.clone_into(&mut service.image);
            }
            let variables = match self.0.has(Flaw::ImageWithoutVariables) {
                true => EnvVars::new(),
                false => service.variables.clone(),
            };
            service.deployments.push(variables);
            Ok(())
        };
        self.0.call(cx, "update", set).await
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

    fn with_service<T>(&self, handle: &InfraHandle, act: impl FnOnce(&mut Thing) -> T) -> T {
        let mut state = self.vendor.state();
        act(state.thing(handle.service.as_str()).unwrap())
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

    fn options(&self) -> Option<[InfraOptions; 2]> {
        Some([1, 2].map(|size| InfraOptions::from_iter([("size".to_owned(), json!(size))])))
    }

    async fn applied_options(&self, handle: &InfraHandle) -> Result<InfraOptions, Unsupported> {
        Ok(self.with_service(handle, |service| service.options.clone()))
    }

    async fn deployments(&self, handle: &InfraHandle) -> Option<Vec<EnvVars>> {
        let mut state = self.vendor.state();
        let service = state.thing(handle.service.as_str());
        Some(service.map_or_else(|_| Vec::new(), |service| service.deployments.clone()))
    }

    async fn write_data(&self, handle: &InfraHandle, text: &str) -> Result<(), Unsupported> {
        self.with_service(handle, |service| service.data = Some(text.to_owned()));
        Ok(())
    }

    async fn read_data(&self, handle: &InfraHandle) -> Result<Option<String>, Unsupported> {
        Ok(self.with_service(handle, |service| service.data.clone()))
    }

    fn other_image(&self) -> Result<&'static str, Unsupported> {
        Ok(OTHER_IMAGE)
    }

    async fn running_image(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        Ok(self.with_service(handle, |service| service.image.clone()))
    }

    async fn end(&self, handle: &InfraHandle) -> Result<(), Unsupported> {
        self.with_service(handle, |service| service.ended = true);
        Ok(())
    }

    async fn write_line(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        let line = "a line of output".to_owned();
        self.with_service(handle, |service| service.lines.push(line.clone()));
        Ok(line)
    }
}
