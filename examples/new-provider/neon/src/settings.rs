use agent_pool_core::prelude::*;

/// Gives each instance its own database at Neon.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Neon {
    /// A key that may create and delete branches of the project.
    pub(crate) api_key: Secret,
    /// The project whose default branch every instance gets a copy of.
    pub(crate) project_id: String,
    /// URL of the API.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// The database that instances use.
    #[serde(default = "database")]
    pub(crate) database: String,
    /// The role that instances use, which owns the database.
    #[serde(default = "role")]
    pub(crate) role: String,
    /// Milliseconds between two checks of an operation in progress.
    #[serde(default = "settings::millis::<500>")]
    pub(crate) poll_ms: Millis,
    /// Milliseconds after which an operation that is not finished fails the provision.
    #[serde(default = "settings::millis::<60_000>")]
    pub(crate) poll_timeout_ms: Millis,
}

fn api_url() -> Url {
    settings::url("https://console.neon.tech/api/v2")
}

fn database() -> String {
    "neondb".to_owned()
}

fn role() -> String {
    "neondb_owner".to_owned()
}
