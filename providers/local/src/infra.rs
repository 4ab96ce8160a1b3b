//! The trait: which files and processes an operation touches, and in which order.

use std::sync::Arc;

use agent_pool_core::settings::{Environment, SettingSpec, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, EnvVars, ErrorKind, InfraCapabilities, InfraHandle, InfraProvider,
    InstanceId, InstanceSpec, ListedInstance, LogLine, ProviderError, Redeploy,
};
use async_trait::async_trait;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use tracing::warn;
use url::Url;

use crate::error::{blocking, machine, unknown};
use crate::folder::{self, Folder};
use crate::launch::launch;
use crate::open::Open;
use crate::process::Table;
use crate::service::{Deployment, Service};
use crate::settings::{RECIPE_SETTINGS, Settings};
use crate::{output, ports};

/// Runs instances as processes of this machine.
#[derive(Debug)]
pub struct Local {
    settings: Arc<Settings>,
}

impl Local {
    /// The specs of the settings.
    #[must_use]
    pub fn settings() -> Vec<SettingSpec> {
        Settings::describe()
    }

    /// Reads the settings and builds the provider.
    ///
    /// # Errors
    /// `LOCAL_RUNTIME_COMMAND` is missing or not a command, or a variable has an invalid value.
    pub fn build(environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        let settings = Arc::new(Settings::read(environment)?);
        Ok(Arc::new(Self { settings }))
    }

    fn folder(&self, handle: &InfraHandle) -> Result<Folder, ProviderError> {
        // The folder of the handle and not of the context, so that an instance of a renamed environment is still
        // found. It becomes part of a path.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let Place { folder } = handle.read_data()?;
        if folder.is_empty() || !folder.bytes().all(plain) {
            return Err(unknown());
        }
        let root = &self.settings.data_dir;
        Ok(Folder::new(root, &folder, &handle.instance))
    }

    /// Stops the instance and starts it with its variables.
    async fn deploy(&self, open: Open, instance: &InstanceId) -> Result<(), ProviderError> {
        let open = open.stop(self.settings.stop_grace).await?;
        let (settings, instance) = (Arc::clone(&self.settings), instance.clone());
        blocking(move || {
            let mut service = open.service.ok_or_else(unknown)?;
            launch(&settings, &instance, &open.folder, &mut service).map_err(|error| {
                let program = &settings.program;
                let message = format!("LOCAL_RUNTIME_COMMAND: starting {program:?}: {error}");
                ProviderError::new(ErrorKind::Invalid, message).with_source(error)
            })
        })
        .await
    }
}

#[async_trait]
impl InfraProvider for Local {
    fn recipe_settings(&self) -> &'static [&'static str] {
        &RECIPE_SETTINGS
    }

    fn capabilities(&self) -> InfraCapabilities {
        InfraCapabilities {
            logs: true,
            update_image: false,
            verify: false,
        }
    }

    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        if spec.image.is_some() {
            let message = "a process has no image: leave it out, or choose another infra";
            return Err(ProviderError::new(ErrorKind::Invalid, message));
        }
        let handle = handle(cx, instance)?;
        let folder = self.folder(&handle)?;
        let settings = Arc::clone(&self.settings);
        let port = blocking(move || reserve(&settings, &folder)).await?;
        let url = url(port)?;
        Ok(CreatedInfra { handle, url })
    }

    async fn configure(
        &self,
        _: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let (folder, variables) = (self.folder(handle)?, variables.clone());
        let open = blocking(move || {
            let mut open = Open::new(folder)?.ok_or_else(unknown)?;
            let service = open.service.as_mut().ok_or_else(unknown)?;
            service.variables.merge(variables);
            let saved = service.save(&open.folder.service());
            saved.map_err(machine("writing service.json"))?;
            Ok(open)
        });
        let open = open.await?;
        match redeploy {
            Redeploy::Yes => self.deploy(open, &handle.instance).await,
            Redeploy::No => Ok(()),
        }
    }

    async fn redeploy(&self, _: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let folder = self.folder(handle)?;
        let open = blocking(|| Open::new(folder)?.ok_or_else(unknown)).await?;
        self.deploy(open, &handle.instance).await
    }

    async fn destroy(&self, _: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let folder = self.folder(handle)?;
        let Some(open) = blocking(|| Open::to_stop(folder)).await? else {
            return Ok(());
        };
        let open = open.stop(self.settings.stop_grace).await?;
        blocking(move || open.folder.remove().map_err(machine("removing the folder"))).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        let (settings, cx) = (Arc::clone(&self.settings), cx.clone());
        blocking(move || {
            let folders = folder::list(&settings.data_dir, environment(&cx));
            let folders = folders.map_err(machine("reading LOCAL_DATA_DIR"))?;
            let table = Table::read(None).map_err(machine("reading the process table"))?;
            let listed = folders
                .into_iter()
                .map(|(id, folder)| listed(&cx, &id, &folder, &table));
            listed.collect()
        })
        .await
    }

    async fn logs(
        &self,
        _: &Context,
        handle: &InfraHandle,
        lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        let folder = self.folder(handle)?;
        blocking(move || output::tail(&folder, lines).map_err(machine("reading the output"))).await
    }
}

/// The provider's own data of a handle.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    /// The name of the folder that contains the instance's folder. In handles from before `2026-11-28` it is called
    /// `environmentId`.
    #[serde(alias = "environmentId")]
    folder: String,
}

/// The name of the folder of this environment, such as `ap-production`.
fn environment(cx: &Context) -> &str {
    cx.mark().prefix().trim_end_matches('-')
}

fn handle(cx: &Context, instance: &InstanceId) -> Result<InfraHandle, ProviderError> {
    let label = cx.mark().label(instance);
    let service = label.parse().map_err(|error| {
        ProviderError::new(ErrorKind::Protocol, "a label is not a service id").with_source(error)
    })?;
    let folder = environment(cx).to_owned();
    InfraHandle::new(instance.clone(), service).with_data(&Place { folder })
}

fn url(port: u16) -> Result<Url, ProviderError> {
    Url::parse(&format!("http://127.0.0.1:{port}")).map_err(|error| {
        ProviderError::new(ErrorKind::Protocol, "a port makes no URL").with_source(error)
    })
}

/// The instance's port: the one it has, or a new one. Blocks.
fn reserve(settings: &Settings, folder: &Folder) -> Result<u16, ProviderError> {
    let root = &settings.data_dir;
    let _lock = folder::lock_root(root).map_err(machine("locking LOCAL_DATA_DIR"))?;
    folder.make().map_err(machine("making the folder"))?;
    let file = folder.service();
    let there = Service::load(&file).map_err(machine("reading service.json"))?;
    if let Some(service) = there {
        return Ok(service.port);
    }
    let port = ports::choose(root, settings.ports).map_err(machine("looking for a port"))?;
    let port = port.ok_or_else(|| {
        let message = "no port is free between LOCAL_PORT_FIRST and LOCAL_PORT_LAST";
        ProviderError::new(ErrorKind::Forbidden, message)
    })?;
    let service = Service {
        port,
        created_at: Utc::now(),
        variables: EnvVars::new(),
        deployment: Deployment::Never,
    };
    service
        .save(&file)
        .map_err(machine("writing service.json"))?;
    Ok(port)
}

fn listed(
    cx: &Context,
    instance: &InstanceId,
    folder: &Folder,
    table: &Table,
) -> Result<ListedInstance, ProviderError> {
    // An instance can spoil its own files. That must not hide the others, so it is listed without a status.
    let service = Service::load(&folder.service()).unwrap_or_else(|error| {
        warn!(instance.id = %instance, "instance {instance}: its record cannot be read: {error}");
        None
    });
    if let Err(error) = output::trim(folder) {
        warn!(instance.id = %instance, "instance {instance}: its output cannot be cut: {error}");
    }
    let deployment = service.as_ref().map(|service| &service.deployment);
    Ok(ListedInstance {
        handle: handle(cx, instance)?,
        detail: deployment.and_then(|one| one.detail(|process| table.has(process))),
        status: deployment.and_then(|one| one.status(|process| table.has(process))),
        url: service
            .as_ref()
            .map(|service| url(service.port))
            .transpose()?,
        created_at: service.map(|service| service.created_at),
        image_digest: None,
    })
}
