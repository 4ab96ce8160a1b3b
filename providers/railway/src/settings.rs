//! The provider's settings, and checks that a type cannot make.

use std::num::{NonZeroU16, NonZeroU32};

use agent_pool_core::settings::{
    self, Amount, Environment, Faults, Millis, SettingSpec, SettingsError,
};
use agent_pool_core::{ErrorKind, InfraOptions, ProviderError, Secret, read_options};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

const PREFIX: &str = "RAILWAY_";

/// The variables that shape an instance, see `InfraProvider::recipe_settings`.
pub(crate) const RECIPE_SETTINGS: [&str; 11] = [
    "RAILWAY_START_COMMAND",
    "RAILWAY_MEMORY_MB",
    "RAILWAY_VCPU",
    "RAILWAY_VOLUME_MOUNT",
    "RAILWAY_TARGET_PORT",
    "RAILWAY_REGION",
    "RAILWAY_RESTART_POLICY",
    "RAILWAY_RESTART_RETRIES",
    "RAILWAY_HEALTHCHECK_PATH",
    "RAILWAY_HEALTHCHECK_TIMEOUT",
    "RAILWAY_DRAINING_SECONDS",
];
/// Railway sets it in every container that it runs:
/// <https://docs.railway.com/reference/variables#railway-provided-variables> (November 2026).
const ON_RAILWAY: &str = "RAILWAY_DEPLOYMENT_ID";

/// The options of a recipe, each of which overrides the setting of the same name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Options {
    memory_mb: Option<NonZeroU32>,
    vcpu: Option<f64>,
    /// An instance stays in the region where it was created, because its volume is there.
    region: Option<String>,
}

/// The settings, from environment variables. The comments are the reference for operators.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct RailwaySettings {
    /// The API token. `RAILWAY_TOKEN_KIND` names its kind.
    pub(crate) api_token: Secret,
    /// Kind of the token: `account`, `workspace` or `project`. A project token names its project and
    /// environment itself. It is experimental: it cannot create projects, and Railway lets it attach no image.
    #[serde(default)]
    pub(crate) token_kind: TokenKind,
    /// The one project that all instances share. It holds few volumes (Hobby 10, Pro 20), and one
    /// instance needs one. Set this or `RAILWAY_WORKSPACE_ID`.
    pub(crate) project_id: Option<String>,
    /// The workspace in which each instance gets a project of its own: at most 120 instances an hour, since
    /// Railway allows a workspace one new project in 30 s.
    pub(crate) workspace_id: Option<String>,
    /// The environment of the shared project, by id.
    pub(crate) environment_id: Option<String>,
    /// The environment, by name; looked up once in a shared project, created with each project of an instance.
    /// `production` if neither this nor the id is set.
    pub(crate) environment_name: Option<String>,
    /// Wins over `RAILWAY_PROJECT_ID`. For a services-svc that runs on Railway itself: there Railway sets
    /// `RAILWAY_PROJECT_ID` and `RAILWAY_ENVIRONMENT_*` to the place of services-svc.
    pub(crate) instances_project_id: Option<String>,
    /// The environment of `RAILWAY_INSTANCES_PROJECT_ID`, by id; `production` if not set.
    pub(crate) instances_environment_id: Option<String>,
    /// The image that instances run, preferably pinned by digest: a tag that has moved may be served from a cache.
    pub(crate) runtime_image: String,
    /// The last part of the URL that Railway's webhooks are sent to, `/webhooks/railway/SECRET` of Services: at least
    /// 16 characters, such as `poolctl key` prints. Without it, none are accepted. Railway does not sign webhooks.
    pub(crate) webhook_secret: Option<Secret>,
    /// What to run instead of the image's entrypoint.
    pub(crate) start_command: Option<String>,
    /// User of the image's registry, if it is private (Pro plan).
    pub(crate) registry_username: Option<String>,
    /// Password of the image's registry.
    pub(crate) registry_password: Option<Secret>,
    /// Memory limit of one instance, in MB of a million bytes; the plan's limit if not set.
    pub(crate) memory_mb: Option<NonZeroU32>,
    /// vCPU limit of one instance, such as `0.5`; the plan's limit if not set.
    pub(crate) vcpu: Option<f64>,
    /// Mount path of an instance's volume. Volumes belong to root: an image that runs as another user needs
    /// `INSTANCE_ENV_RAILWAY_RUN_UID=0`.
    #[serde(default = "RailwaySettings::default_volume_mount")]
    pub(crate) volume_mount: String,
    /// The port that the domain routes to, also given to the instance as `PORT`; Railway's choice if not set.
    pub(crate) target_port: Option<NonZeroU16>,
    /// Region of the instances and their volumes, such as `europe-west4-drams3a`; Railway's choice if not
    /// set.
    pub(crate) region: Option<String>,
    /// When Railway restarts an instance that ended: `on_failure`, `always` or `never`.
    #[serde(default)]
    pub(crate) restart_policy: RestartPolicy,
    /// Number of restarts with `on_failure`. Lower values turn a short fault into a crashed instance.
    #[serde(default = "RailwaySettings::default_restart_retries")]
    pub(crate) restart_retries: u32,
    /// Path that must answer 200 before a deployment counts as done, such as `/pool/health`; no check if not
    /// set.
    pub(crate) healthcheck_path: Option<String>,
    /// Seconds until a health check that does not succeed fails the deployment; Railway's 300 if not set.
    pub(crate) healthcheck_timeout: Option<NonZeroU32>,
    /// Seconds between the stop signal and the kill of the old deployment; Railway's 0 if not set.
    pub(crate) draining_seconds: Option<u32>,
    /// Variables, separated by commas, in which Railway may resolve references such as
    /// `${{Postgres.DATABASE_URL}}`, for values of `INSTANCE_ENV_*`. All other values arrive as they are.
    #[serde(default)]
    pub(crate) references: String,
    /// Maximum number of requests a second, from this process. Railway allows 10 (Hobby) or 50 (Pro). If not set, 8
    /// for Railway's own API, and no limit with another `RAILWAY_API_URL`.
    requests_per_second: Option<NonZeroU32>,
    /// Projects in one page of the list, with their contents. Halved for a page that takes too long.
    #[serde(default = "RailwaySettings::default_page_size")]
    pub(crate) page_size: NonZeroU32,
    /// Pause between two new projects in the workspace, in all replicas. Lower values are refused by Railway.
    #[serde(default = "RailwaySettings::default_project_interval")]
    pub(crate) project_interval_ms: Millis,
    /// Time that a new service or volume gets to become visible to the next step of its creation. Lower values
    /// fail creations that would have succeeded.
    #[serde(default = "RailwaySettings::default_ready")]
    pub(crate) ready_ms: Millis,
    /// Maximum lag of Railway's lists behind its writes. A creation whose answer was lost asks for a pause of this
    /// length, so that the next lookup shows what it created.
    #[serde(default = "RailwaySettings::default_settle")]
    pub(crate) settle_ms: Millis,
    /// URL of the API.
    #[serde(default = "RailwaySettings::default_api_url")]
    pub(crate) api_url: Url,
    /// Price of an instance per month of 730 hours, in US dollars. Railway bills usage: $10 for a GB of memory and
    /// $20 for a vCPU a month ($0.000231 and $0.000463 a minute), and $0.15 for a GB of volume
    /// (<https://docs.railway.com/reference/pricing/plans>). The default is a GB of memory: set what your instances
    /// use.
    #[serde(default = "settings::amount::<10>")]
    #[expect(dead_code, reason = "it is read as a price")]
    price_per_month: Amount,
    /// The day on which these prices were looked up.
    #[serde(default = "RailwaySettings::default_prices_as_of")]
    #[expect(dead_code, reason = "it is read as a price")]
    prices_as_of: String,
}

/// The kind of a token, which decides the header that carries it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenKind {
    /// A person's.
    #[default]
    Account,
    /// A workspace's.
    Workspace,
    /// One environment's of one project.
    Project,
}

/// When Railway restarts what has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RestartPolicy {
    /// After a failure.
    #[default]
    OnFailure,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl RestartPolicy {
    /// The word in Railway's API.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::OnFailure => "ON_FAILURE",
            Self::Always => "ALWAYS",
            Self::Never => "NEVER",
        }
    }
}

impl RailwaySettings {
    /// The variable of the token.
    pub(crate) const TOKEN: &str = "RAILWAY_API_TOKEN";

    /// The specs of the settings.
    pub(crate) fn describe() -> Vec<SettingSpec> {
        settings::describe::<Self>(PREFIX)
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// Every variable that is missing, or has a value that cannot be used.
    pub(crate) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let mut read: Self = settings::read(PREFIX, environment)?;
        read.set_place(environment.get(ON_RAILWAY).is_some());
        let mut faults = Faults::default();
        faults.keep(read.check_limits());
        faults.keep(read.check_registry());
        faults.keep(read.check_mount());
        faults.keep(read.check_webhook_secret());
        faults.finish(Some(read))
    }

    /// The settings with the options of a recipe applied.
    pub(crate) fn with(&self, options: &InfraOptions) -> Result<Self, ProviderError> {
        let options: Options = read_options(options)?;
        if let Some(vcpu) = options.vcpu.filter(|vcpu| !is_share(*vcpu)) {
            let problem = format!("option vcpu: is {vcpu}: expected a number above 0");
            return Err(ErrorKind::Invalid.because(problem));
        }
        if options.region.as_deref().is_some_and(str::is_empty) {
            return Err(ErrorKind::Invalid.because("option region: is empty"));
        }
        let mut own = self.clone();
        own.memory_mb = options.memory_mb.or(own.memory_mb);
        own.vcpu = options.vcpu.or(own.vcpu);
        own.region = options.region.or(own.region);
        Ok(own)
    }

    /// Ignores settings of the instances' place that describe the place of services-svc.
    fn set_place(&mut self, on_railway: bool) {
        if let Some(project) = self.instances_project_id.take() {
            self.project_id = Some(project);
            self.environment_id = self.instances_environment_id.take();
            self.environment_name = None;
        } else if on_railway {
            if self.workspace_id.is_some() || self.token_kind == TokenKind::Project {
                (self.project_id, self.environment_id) = (None, None);
                self.environment_name = None;
            } else if self.environment_id.is_some() {
                // Railway sets both, of the same environment.
                self.environment_name = None;
            }
        }
    }

    /// User and password of the image's registry, if it has them.
    pub(crate) fn registry(&self) -> Option<(&str, &Secret)> {
        self.registry_username
            .as_deref()
            .zip(self.registry_password.as_ref())
    }

    /// Maximum number of requests a second; `None`: no limit.
    pub(crate) fn requests_per_second(&self) -> Option<NonZeroU32> {
        let railway = self.api_url == Self::default_api_url();
        self.requests_per_second
            .or_else(|| NonZeroU32::new(8).filter(|_| railway))
    }

    /// Whether Railway may resolve references in a variable.
    pub(crate) fn resolves(&self, variable: &str) -> bool {
        let mut names = self.references.split(',').map(str::trim);
        names.any(|name| name == variable)
    }

    fn check_limits(&self) -> Result<(), SettingsError> {
        match self.vcpu {
            Some(vcpu) if !is_share(vcpu) => Err(SettingsError::fault(
                "RAILWAY_VCPU",
                format!("is {vcpu}: expected a number above 0"),
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn check_registry(&self) -> Result<(), SettingsError> {
        let (alone, missing) = match (&self.registry_username, &self.registry_password) {
            (Some(_), None) => ("RAILWAY_REGISTRY_USERNAME", "RAILWAY_REGISTRY_PASSWORD"),
            (None, Some(_)) => ("RAILWAY_REGISTRY_PASSWORD", "RAILWAY_REGISTRY_USERNAME"),
            (Some(_), Some(_)) | (None, None) => return Ok(()),
        };
        Err(SettingsError::fault(
            alone,
            format!("is set without {missing}"),
        ))
    }

    /// It is part of a URL, so it must be hard to guess and need no encoding.
    fn check_webhook_secret(&self) -> Result<(), SettingsError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match &self.webhook_secret {
            Some(secret) if secret.expose().len() < 16 || !secret.expose().chars().all(plain) => {
                Err(SettingsError::fault(
                    "RAILWAY_WEBHOOK_SECRET",
                    "is not 16 or more letters, digits, - and _".to_owned(),
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_mount(&self) -> Result<(), SettingsError> {
        if self.volume_mount.starts_with('/') {
            return Ok(());
        }
        Err(SettingsError::fault(
            "RAILWAY_VOLUME_MOUNT",
            format!("is {:?}: expected an absolute path", self.volume_mount),
        ))
    }

    fn default_volume_mount() -> String {
        "/data".to_owned()
    }

    const fn default_restart_retries() -> u32 {
        10
    }

    const fn default_page_size() -> NonZeroU32 {
        NonZeroU32::new(50).expect("50 is not 0")
    }

    const fn default_project_interval() -> Millis {
        Millis::from_millis(30_000)
    }

    const fn default_ready() -> Millis {
        Millis::from_millis(90_000)
    }

    const fn default_settle() -> Millis {
        Millis::from_millis(30_000)
    }

    fn default_prices_as_of() -> String {
        "2026-11-29".to_owned()
    }

    fn default_api_url() -> Url {
        Url::parse("https://backboard.railway.com/graphql/v2").expect("a URL that was read before")
    }
}

/// Whether an instance can have this number of vCPUs.
fn is_share(vcpu: f64) -> bool {
    vcpu.is_finite() && vcpu > 0.0
}

#[cfg(test)]
impl RailwaySettings {
    /// Settings with a token and an image, and what `pairs` adds.
    pub(crate) fn sample<const N: usize>(pairs: [(&str, &str); N]) -> Result<Self, SettingsError> {
        let base = [
            ("RAILWAY_API_TOKEN", "token"),
            ("RAILWAY_RUNTIME_IMAGE", "ghcr.io/acme/runtime:1"),
        ];
        Self::read(&base.into_iter().chain(pairs).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_and_an_image_are_enough_for_the_settings_themselves() {
        let settings = RailwaySettings::sample([]).unwrap();
        assert_eq!(settings.token_kind, TokenKind::Account);
        assert_eq!(settings.volume_mount, "/data");
        assert_eq!(settings.api_url.host_str(), Some("backboard.railway.com"));
        assert_eq!(settings.requests_per_second(), NonZeroU32::new(8));
        let fake = [("RAILWAY_API_URL", "http://127.0.0.1:9/graphql")];
        let settings = RailwaySettings::sample(fake).unwrap();
        assert_eq!(settings.requests_per_second(), None);
        let error = RailwaySettings::read(&Environment::default()).unwrap_err();
        let missing: Vec<_> = error.faults().iter().map(|f| f.variable.as_str()).collect();
        assert_eq!(missing, ["RAILWAY_API_TOKEN", "RAILWAY_RUNTIME_IMAGE"]);
    }

    #[test]
    fn what_a_type_cannot_check_is_told_all_at_once_without_a_secret() {
        let error = RailwaySettings::sample([
            ("RAILWAY_VCPU", "-1"),
            ("RAILWAY_REGISTRY_PASSWORD", "hunter2"),
            ("RAILWAY_VOLUME_MOUNT", "data"),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "RAILWAY_VCPU is -1: expected a number above 0\n\
             RAILWAY_REGISTRY_PASSWORD is set without RAILWAY_REGISTRY_USERNAME\n\
             RAILWAY_VOLUME_MOUNT is \"data\": expected an absolute path"
        );
    }

    #[test]
    fn options_win_over_settings_and_one_without_meaning_is_named() {
        let settings = RailwaySettings::sample([("RAILWAY_REGION", "europe-west4")]).unwrap();
        let with = |options: serde_json::Value| settings.with(options.as_object().unwrap());
        let own = with(json!({ "memoryMb": 2000, "vcpu": 1.5 })).unwrap();
        assert_eq!(own.memory_mb.map(NonZeroU32::get), Some(2000));
        assert_eq!(
            (own.vcpu, own.region.as_deref()),
            (Some(1.5), Some("europe-west4"))
        );
        for (options, problem) in [
            (json!({ "memory": 2 }), "`memoryMb`"),
            (json!({ "memoryMb": 0 }), "option memoryMb"),
            (json!({ "vcpu": -1 }), "option vcpu: is -1"),
            (json!({ "region": "" }), "option region"),
        ] {
            let error = with(options).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_token_kind_is_one_of_three() {
        let kind = |word| RailwaySettings::sample([("RAILWAY_TOKEN_KIND", word)]);
        assert_eq!(kind("project").unwrap().token_kind, TokenKind::Project);
        assert!(kind("team").unwrap_err().to_string().contains("workspace"));
    }

    #[test]
    fn the_token_the_password_and_the_webhooks_secret_are_listed_as_secrets() {
        let specs = RailwaySettings::describe();
        let secret: Vec<_> = specs
            .iter()
            .filter(|spec| spec.secret)
            .map(|spec| spec.variable.as_str())
            .collect();
        let expected = [
            "RAILWAY_API_TOKEN",
            "RAILWAY_WEBHOOK_SECRET",
            "RAILWAY_REGISTRY_PASSWORD",
        ];
        assert_eq!(secret, expected);
    }

    #[test]
    fn the_readme_names_every_setting() {
        for spec in RailwaySettings::describe() {
            let named = format!("`{}`", spec.variable);
            assert!(crate_readme().contains(&named), "README lacks {named}");
        }
    }

    fn crate_readme() -> &'static str {
        include_str!("../README.md")
    }

    #[test]
    fn the_settings_of_a_recipe_are_settings_and_no_secrets() {
        let all = RailwaySettings::describe();
        for name in RECIPE_SETTINGS {
            let spec = all.iter().find(|spec| spec.variable == name).unwrap();
            assert!(!spec.secret, "{name}");
        }
    }
}
