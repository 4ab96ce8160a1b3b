//! The provider: the trait, operation by operation.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::settings::{Environment, Faults, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, EnvVars, ErrorKind, InfraCapabilities, InfraHandle, InfraOptions,
    InfraProvider, InstanceId, InstanceSpec, ListedInstance, LogLine, NoticeError, ProviderError,
    Redeploy, Secret, Section, VendorNotice,
};
use async_trait::async_trait;
use chrono::Utc;

use crate::commits::Commits;
use crate::graphql::Client;
use crate::handle::Handle;
use crate::notice;
use crate::patch;
use crate::placement::Placement;
use crate::settings::{RECIPE_SETTINGS, RailwaySettings, TokenKind};
use crate::wire::Log;

/// Runs instances as services on Railway.
#[derive(Debug)]
pub(crate) struct Railway {
    pub(crate) settings: RailwaySettings,
    pub(crate) placement: Placement,
    pub(crate) client: Client,
    pub(crate) commits: Commits,
}

impl Railway {
    /// Reads the settings and builds the provider.
    ///
    /// # Errors
    /// Every setting that is missing or cannot be used.
    pub(crate) fn build(
        environment: &Environment,
    ) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        let settings = RailwaySettings::read(environment)?;
        let mut faults = Faults::default();
        let placement = faults.keep(Placement::from_settings(&settings));
        let client = faults.keep(Client::new(&settings));
        let (placement, client) = faults.finish(placement.zip(client))?;
        Ok(Arc::new(Self {
            settings,
            placement,
            client,
            commits: Commits::default(),
        }))
    }

    /// Commits the one change that deploys an instance once, with `image` and its variables.
    async fn deploy(
        &self,
        cx: &Context,
        handle: &Handle,
        image: &str,
        variables: &EnvVars,
    ) -> Result<(), ProviderError> {
        let mut settings = self.settings.with(&handle.options)?;
        settings.region = handle.region.clone().or(settings.region);
        let change = patch::deployment(&settings, image, variables, Utc::now());
        self.commit(cx, handle, change).await
    }

    /// The turn to change an environment that instances share: Railway fails concurrent domain creations and patches.
    pub(crate) async fn change_of(
        &self,
        cx: &Context,
        environment: &str,
    ) -> Result<Option<Section>, ProviderError> {
        match self.placement {
            Placement::Own { .. } => Ok(None),
            Placement::Shared(_) => {
                let name = format!("railway/environment/{environment}");
                let reason = "Railway takes one change of an environment at a time";
                Ok(Some(cx.enter(&name, Duration::ZERO, reason).await?))
            }
        }
    }

    /// The project of an instance: from its handle, or the one that all instances share.
    async fn project_of(&self, cx: &Context, handle: &Handle) -> Result<String, ProviderError> {
        match (&handle.project, &self.placement) {
            (Some(project), _) => Ok(project.clone()),
            (None, Placement::Shared(shared)) => {
                let home = shared.find(cx, &self.client).await?;
                Ok(home.project.clone())
            }
            (None, Placement::Own { .. }) => Err(ProviderError::new(
                ErrorKind::Invalid,
                "the handle names no project, and there is none that all share",
            )),
        }
    }
}

#[async_trait]
impl InfraProvider for Railway {
    fn default_image(&self) -> Option<&str> {
        Some(&self.settings.runtime_image)
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

    fn takes_notices(&self) -> bool {
        self.settings.webhook_secret.is_some()
    }

    fn read_notice(&self, secret: &Secret, body: &[u8]) -> Result<VendorNotice, NoticeError> {
        notice::read(self.settings.webhook_secret.as_ref(), secret, body)
    }

    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        self.make(cx, instance, spec).await
    }

    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let handle = Handle::read(handle)?;
        match redeploy {
            Redeploy::Yes => {
                let image = handle.image.as_ref();
                let image = image.unwrap_or(&self.settings.runtime_image);
                self.deploy(cx, &handle, image, variables).await
            }
            Redeploy::No => {
                let project = self.project_of(cx, &handle).await?;
                let values = patch::values(&self.settings, variables);
                let asked = self.client.variables_upsert(cx, &project, &handle, values);
                Ok(asked.await?)
            }
        }
    }

    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        Ok(self.client.deploy(cx, &Handle::read(handle)?).await?)
    }

    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        self.remove(cx, &Handle::read(handle)?).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        self.every(cx).await
    }

    async fn logs(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        let deployed = self.client.deployed(cx, &Handle::read(handle)?).await?;
        let Some(deployment) = deployed.latest_deployment else {
            return Ok(Vec::new());
        };
        let asked = self.client.deployment_logs(cx, &deployment.id, lines);
        Ok(last_lines(asked.await?, lines))
    }

    async fn update_image(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        image: &str,
    ) -> Result<(), ProviderError> {
        let handle = Handle::read(handle)?;
        self.deploy(cx, &handle, image, &EnvVars::new()).await
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        if self.settings.token_kind == TokenKind::Project {
            self.client.project_token(cx).await?;
            return Err(ErrorKind::Forbidden.because(
                "RAILWAY_TOKEN_KIND=project is experimental: Railway accepts the token, and does not let it \
                 attach an image or create projects; use an account's or a workspace's token",
            ));
        }
        let token = self.client.api_token(cx).await?;
        match &self.placement {
            Placement::Own { workspace, .. } => {
                if token.workspaces.iter().any(|seen| seen.id == *workspace) {
                    return Ok(());
                }
                let problem = format!("the token may not use workspace {workspace}");
                Err(ErrorKind::Forbidden.because(problem))
            }
            Placement::Shared(shared) => {
                let home = shared.find(cx, &self.client).await?;
                // Reads the environment and, with the project's id, checks that it is in that project.
                self.client.environment_name(cx, home).await?;
                Ok(())
            }
        }
    }
}

/// The last `lines` of a deployment's output, oldest first.
fn last_lines(logs: Vec<Log>, lines: usize) -> Vec<LogLine> {
    let mut all: Vec<LogLine> = logs
        .into_iter()
        .map(|log| LogLine {
            at: log.timestamp.parse().ok(),
            text: log.message,
        })
        .collect();
    all.sort_by_key(|line| line.at);
    all.split_off(all.len().saturating_sub(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_in_order_of_time() {
        let log = |second: u8| Log {
            timestamp: format!("2026-11-23T19:00:0{second}.123456789Z"),
            message: second.to_string(),
        };
        let lines = last_lines(vec![log(3), log(1), log(2)], 2);
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["2", "3"]);
        assert!(lines.iter().all(|line| line.at.is_some()));
    }
}
