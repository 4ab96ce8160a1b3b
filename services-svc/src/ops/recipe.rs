//! The recipe of an instance: for `POST /recipe`, and for every creation and upgrade.
//!
//! The hash covers what is the same for all instances of a recipe: the infra and those of its settings that shape an
//! instance, its options, the image and its digest, the tools, the variables of the request and `INSTANCE_ENV_*`. It
//! does not cover what is specific to an instance, such as the variables of its tools.

use std::collections::BTreeMap;

use agent_pool_core::registry::LookupError;
use agent_pool_core::wire::services::{MadeFrom, NamedValues, RecipeRequest};
use agent_pool_core::{EnvName, EnvVars, InfraId, InfraOptions, ProviderError, Secret, ToolId};
use agent_pool_service_kit::db::DbError;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::requested_tools::{UnavailableTool, resolve_tools};
use super::step_error::StepError;
use crate::app::App;
use crate::db::recipe_salt;
use crate::providers::{Infra, Tool};

/// Length of a hash in characters: enough to distinguish recipes.
const HASH_CHARS: usize = 16;

/// Why a recipe cannot be used. Nothing was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecipeError {
    /// A tool of the request is not available.
    #[error(transparent)]
    Tool(#[from] UnavailableTool),
    /// The image is not allowed by the settings.
    #[error("the image {0:?} is not allowed: add it to ALLOWED_IMAGES")]
    ImageNotAllowed(String),
    /// The infra does not accept the options of the request.
    #[error("{0} refuses the options")]
    Options(InfraId, #[source] ProviderError),
    /// The infra is not available.
    #[error("the infra is not available")]
    Infra(#[source] LookupError),
    /// The infra or the database failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// A recipe whose providers exist and whose image is allowed.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) infra: Infra,
    /// As requested; `None` for the infra's own.
    pub(crate) image: Option<String>,
    /// Each tool once, even if the request repeats it.
    pub(crate) tools: BTreeMap<ToolId, Tool>,
    /// The variables of the settings, overridden by those of the request.
    pub(crate) variables: EnvVars,
    /// The options, as accepted by the infra.
    pub(crate) infra_options: InfraOptions,
}

impl Recipe {
    pub(crate) fn resolve(app: &App, request: RecipeRequest) -> Result<Self, RecipeError> {
        let infra = request.infra.as_ref().unwrap_or(&app.config().infra);
        let infra = find_infra(app, infra)?;
        if let Some(image) = &request.image {
            let allowed = &app.config().allowed_images;
            if !allowed.contains(image) && infra.default_image() != Some(image.as_str()) {
                return Err(RecipeError::ImageNotAllowed(image.clone()));
            }
        }
        let options = request.infra_options;
        infra
            .check_options(&options)
            .map_err(|error| RecipeError::Options(infra.id().clone(), error))?;
        let mut variables = app.config().instance_env.clone();
        variables.merge(request.variables);
        Ok(Self {
            tools: resolve_tools(app, &request.tools)?,
            infra,
            image: request.image,
            variables,
            infra_options: options,
        })
    }

    /// The image to run; `None` for an infra without images.
    pub(crate) fn image(&self) -> Option<&str> {
        self.image.as_deref().or(self.infra.default_image())
    }

    /// The recipe that an instance has if it is made now.
    pub(crate) async fn describe(&self, app: &App) -> Result<MadeFrom, StepError> {
        let digest = match self.image() {
            Some(image) => self.infra.resolve_image(image).await?,
            None => None,
        };
        let salt = recipe_salt::load(&mut *app.db().conn().await?).await?;
        let settings = infra_settings(app, &self.infra);
        let variables = self.variables.iter();
        let variables = named_values(
            &salt,
            variables.map(|(name, value)| (name.clone(), value.expose())),
        );
        let settings = named_values(
            &salt,
            settings.iter().map(|(name, value)| (name.clone(), *value)),
        );
        let tools: Vec<ToolId> = self.tools.keys().cloned().collect();
        let infra = self.infra.id();
        let mut parts = vec![
            serde_json::json!(infra),
            serde_json::json!(self.image()),
            serde_json::json!(digest),
            serde_json::json!(tools),
            serde_json::json!(variables.fingerprint),
            serde_json::json!(settings.fingerprint),
        ];
        // A recipe without options keeps the hash that it had before there were any.
        if !self.infra_options.is_empty() {
            let mut options = Value::Object(self.infra_options.clone());
            options.sort_all_objects();
            parts.push(options);
        }
        let parts = Value::Array(parts);
        let hash = keyed_hash(&salt, &parts);
        Ok(MadeFrom {
            hash: hash.parse().expect("a keyed hash has the form of one"),
            infra: infra.clone(),
            image: self.image().map(ToOwned::to_owned),
            digest,
            tools,
            variables,
            settings,
            infra_options: self.infra_options.clone(),
        })
    }
}

/// `POST /recipe`.
pub(crate) async fn recipe(app: &App, request: RecipeRequest) -> Result<MadeFrom, RecipeError> {
    let recipe = Recipe::resolve(app, request)?;
    Ok(recipe.describe(app).await?)
}

/// One infra of this build.
pub(crate) fn find_infra(app: &App, id: &InfraId) -> Result<Infra, RecipeError> {
    app.providers().infra(id).map_err(RecipeError::Infra)
}

/// The settings that shape the instances of an infra and have a value.
fn infra_settings<'a>(app: &'a App, infra: &Infra) -> Vec<(EnvName, &'a str)> {
    let mut infras = app.providers().registry().infras();
    let Some((_, entry)) = infras.find(|(id, _)| *id == infra.id()) else {
        return Vec::new();
    };
    let names = infra.recipe_settings().iter();
    let values = names.filter_map(|name| {
        let value = entry.settings.get(*name)?;
        Some((name.parse().ok()?, value.as_str()))
    });
    values.collect()
}

fn named_values<'a>(
    salt: &Secret,
    values: impl Iterator<Item = (EnvName, &'a str)>,
) -> NamedValues {
    let values: BTreeMap<EnvName, &str> = values.collect();
    NamedValues {
        fingerprint: keyed_hash(salt, &serde_json::json!(values)),
        names: values.into_keys().collect(),
    }
}

fn keyed_hash(salt: &Secret, value: &Value) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(salt.expose().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(value.to_string().as_bytes());
    let hex = mac
        .finalize()
        .into_bytes()
        .into_iter()
        .map(|byte| format!("{byte:02x}"));
    hex.collect::<String>()[..HASH_CHARS].to_owned()
}

impl From<DbError> for RecipeError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}
