use std::sync::Arc;

use agent_pool_core::prelude::*;
use agent_pool_core::settings::SettingSpec;
use agent_pool_core::{
    Attempt, Context, CreatedInfra, EnvVars, InfraCapabilities, InfraHandle, InfraProvider,
    InstanceId, InstanceSpec, ListedInstance, LogLine, Redeploy, runtime,
};

use crate::settings::Settings;
use crate::wire::{Changes, Lines, Machine, Machines, NewMachine};

const PREFIX: &str = "ACME_";
/// Every machine has its own address, so all instances can have the same port.
const PORT: u16 = 8080;

/// Runs each instance as a machine.
#[derive(Debug)]
pub struct Acme {
    settings: Settings,
    vendor: VendorHttp,
}

impl Acme {
    /// The reference of the settings.
    #[must_use]
    pub fn describe() -> Vec<SettingSpec> {
        settings::describe::<Settings>(PREFIX)
    }

    /// Reads the settings and builds the provider.
    ///
    /// # Errors
    /// Every setting that is missing or wrong.
    pub fn build(environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        let settings: Settings = settings::read(PREFIX, environment)?;
        // Yours: the header with the account's key
        let vendor = VendorHttp::new(settings.api_url.clone()).named("acme");
        let vendor = vendor.bearer(&settings.token, "ACME_TOKEN")?;
        Ok(Arc::new(Self { settings, vendor }))
    }

    async fn machines(&self, cx: &Context) -> ProviderResult<Vec<Machine>> {
        let read = |page: Machines, _: Option<u32>| Page {
            items: page.machines,
            next: None,
        };
        let request = self.vendor.on(cx).get(["machines"]);
        request.fetch_pages("page", read).await
    }

    async fn set(&self, cx: &Context, id: &str, variables: &EnvVars) -> ProviderResult<()> {
        // Text is data: an infra must not evaluate `$X` or `${{x}}` in it.
        let pairs = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()));
        let changes = Changes {
            env: pairs.collect(),
            image: None,
        };
        self.change(cx, id, &changes).await
    }

    async fn change(&self, cx: &Context, id: &str, changes: &Changes<'_>) -> ProviderResult<()> {
        let request = self.vendor.on(cx).patch(["machines", id]).json(changes);
        request.execute().await.map(drop)
    }

    async fn start(&self, cx: &Context, id: &str) -> ProviderResult<()> {
        let request = self.vendor.on(cx).post(["machines", id, "start"]);
        request.execute().await.map(drop)
    }
}

#[async_trait]
impl InfraProvider for Acme {
    fn capabilities(&self) -> InfraCapabilities {
        InfraCapabilities {
            logs: true,
            update_image: true,
            verify: true,
        }
    }

    // Yours: what an instance consists of; the vendor must keep the label, and must not start anything yet
    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> ProviderResult<CreatedInfra> {
        let label = cx.mark().label(instance);
        // An earlier attempt may have created the machine, and a name is not unique.
        let existing = match cx.attempt() {
            Attempt::First => None,
            Attempt::Later => {
                let machines = self.machines(cx).await?;
                machines.into_iter().find(|one| one.name == label)
            }
        };
        let machine = match existing {
            Some(machine) => machine,
            None => {
                let new = NewMachine {
                    name: &label,
                    image: spec.image.as_deref().unwrap_or(&self.settings.image),
                    port: PORT,
                };
                let request = self.vendor.on(cx).post(["machines"]).json(&new);
                request.fetch().await?
            }
        };
        let variables = EnvVars::from_iter([
            (runtime::PORT.parse()?, Secret::new(PORT.to_string())),
            (
                runtime::PUBLIC_URL.parse()?,
                Secret::new(machine.url.as_str()),
            ),
        ]);
        self.set(cx, &machine.id, &variables).await?;
        Ok(CreatedInfra {
            handle: handle(instance, &machine)?,
            url: machine.url,
        })
    }

    // Yours: setting variables, and one start with all of them
    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> ProviderResult<()> {
        self.set(cx, handle.service.as_str(), variables).await?;
        match redeploy {
            Redeploy::Yes => self.start(cx, handle.service.as_str()).await,
            Redeploy::No => Ok(()),
        }
    }

    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> ProviderResult<()> {
        self.start(cx, handle.service.as_str()).await
    }

    async fn update_image(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        image: &str,
    ) -> ProviderResult<()> {
        let changes = Changes {
            image: Some(image),
            ..Changes::default()
        };
        let id = handle.service.as_str();
        self.change(cx, id, &changes).await?;
        self.start(cx, id).await
    }

    // Yours: removing everything, volumes too
    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> ProviderResult<()> {
        let api = self.vendor.on(cx);
        let request = api.delete(["machines", handle.service.as_str()]);
        absent_is_done(request.execute().await.map(drop))
    }

    async fn list(&self, cx: &Context) -> ProviderResult<Vec<ListedInstance>> {
        let machines = self.machines(cx).await?;
        let listed = machines.iter().filter_map(|machine| {
            // The account may have machines of others; the mark tells which are ours.
            let instance = cx.mark().instance(&machine.name)?;
            let listed = handle(&instance, machine).map(|handle| ListedInstance {
                handle,
                status: machine.status(),
                detail: machine.detail(),
                url: Some(machine.url.clone()),
                created_at: machine.created_at.as_deref().and_then(|at| at.parse().ok()),
                image_digest: None,
            });
            Some(listed)
        });
        listed.collect()
    }

    async fn logs(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        lines: usize,
    ) -> ProviderResult<Vec<LogLine>> {
        let api = self.vendor.on(cx);
        let request = api.get(["machines", handle.service.as_str(), "logs"]);
        let mut written: Lines = request.query("tail", lines).fetch().await?;
        let skipped = written.lines.len().saturating_sub(lines);
        let last = written.lines.drain(skipped..);
        Ok(last.map(|text| LogLine { at: None, text }).collect())
    }

    async fn verify(&self, cx: &Context) -> ProviderResult<()> {
        self.machines(cx).await.map(drop)
    }
}

fn handle(instance: &InstanceId, machine: &Machine) -> ProviderResult<InfraHandle> {
    let handle = InfraHandle::new(instance.clone(), machine.id.parse()?);
    Ok(InfraHandle {
        image: machine.image.clone(),
        ..handle
    })
}
