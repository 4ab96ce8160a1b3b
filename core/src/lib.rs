#![doc = include_str!("../README.md")]
//!
//! ## A complete tool and its test
//!
//! ```
//! use agent_pool_core::conformance::{self, FakeServer, FakeResponse, FakeRequest, FakeVendor, Held};
//! use agent_pool_core::prelude::*;
//!
//! /// Gives each instance a key of its own at Bolt.
//! #[derive(Debug, Deserialize, JsonSchema)]
//! struct Bolt {
//!     /// A key that may make keys.
//!     admin_key: Secret, // the variable BOLT_ADMIN_KEY
//!     /// Where the API is.
//!     api_url: Url,
//! }
//!
//! #[derive(Deserialize)]
//! struct Key {
//!     id: String,
//!     name: String,
//! }
//!
//! #[derive(Deserialize)]
//! struct NewKey {
//!     id: String,
//!     secret: Secret,
//! }
//!
//! #[async_trait]
//! impl HttpTool for Bolt {
//!     const ID: &str = "bolt";
//!     const NAME: &str = "Bolt";
//!     const MODE: &str = "per-instance-key";
//!     const ENV_KEYS: &[&str] = &["BOLT_API_KEY"];
//!     type Options = NoOptions;
//!
//!     fn vendor(&self) -> Result<VendorHttp, SettingsError> {
//!         VendorHttp::new(self.api_url.clone()).bearer(&self.admin_key, "BOLT_ADMIN_KEY")
//!     }
//!
//!     async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
//!         let keys: Vec<Key> = api.get(["keys"]).fetch().await?;
//!         Ok(keys.into_iter().map(|key| VendorResource::new(key.id, key.name)).collect())
//!     }
//!
//!     async fn create(&self, api: Api<'_>, label: &str, _: NoOptions) -> ProviderResult<ProvisionedTool> {
//!         let key: NewKey = api.post(["keys"]).json(&json!({ "name": label })).fetch().await?;
//!         ProvisionedTool::new(&key.id, [("BOLT_API_KEY", key.secret)])
//!     }
//!
//!     async fn delete(&self, api: Api<'_>, _label: &str, id: &str) -> ProviderResult<()> {
//!         api.delete(["keys", id]).execute().await.map(drop)
//!     }
//! }
//!
//! inventory::submit! { ToolRegistration::for_tool::<Bolt>(env!("CARGO_PKG_NAME")) }
//!
//! /// In its tests: an in-memory vendor that behaves as its documentation says.
//! #[derive(Default)]
//! struct FakeBolt {
//!     made: usize,
//!     keys: Vec<(String, String)>,
//! }
//!
//! impl FakeVendor for FakeBolt {
//!     fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
//!         vec![("BOLT_API_URL", url.to_owned()), ("BOLT_ADMIN_KEY", "sk-admin".to_owned())]
//!     }
//!
//!     fn respond(&mut self, asked: &FakeRequest) -> Option<FakeResponse> {
//!         if asked.bearer() != Some("sk-admin") {
//!             return Some(FakeResponse::empty(401));
//!         }
//!         match (asked.method(), &asked.path()[..]) {
//!             ("GET", ["keys"]) => {
//!                 let keys = self.keys.iter().map(|(id, name)| json!({ "id": id, "name": name }));
//!                 Some(FakeResponse::json(200, &keys.collect()))
//!             }
//!             ("POST", ["keys"]) => {
//!                 self.made += 1;
//!                 let id = format!("key-{}", self.made);
//!                 self.keys.push((id.clone(), asked.member("name")?));
//!                 let secret = format!("secret of {id}");
//!                 Some(FakeResponse::json(201, &json!({ "id": id, "secret": secret })))
//!             }
//!             ("DELETE", ["keys", id]) => {
//!                 let known = self.keys.iter().any(|(one, _)| one == id);
//!                 self.keys.retain(|(one, _)| one != id);
//!                 Some(FakeResponse::empty(if known { 204 } else { 404 }))
//!             }
//!             _ => None,
//!         }
//!     }
//!
//!     fn held(&self) -> Vec<Held> {
//!         let labels = self.keys.iter().map(|(_, name)| name.clone());
//!         labels.map(|label| Held { kind: "key", label }).collect()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // The test itself:
//! conformance::tool(&FakeServer::start("bolt", FakeBolt::default()).await).await.assert();
//! # }
//! ```
#![warn(missing_docs)]

mod context;
mod error;
mod foreign;
mod id;
mod infra;
mod literal;
mod mark;
mod notice;
mod panic;
mod price;
mod secret;
mod section;
mod tool;
mod version;

pub mod runtime;

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod http;
pub mod layer;
pub mod metrics;
pub mod prelude;
pub mod registry;
pub mod settings;
pub mod wire;

pub use context::{Attempt, Context};
pub use error::{Effect, ErrorKind, ProviderError, absent_is_done, chain};
pub use foreign::{is_unsafe, safe_line, safe_text};
pub use id::{
    InfraId, InstanceId, ParseIdError, PoolName, RecipeHash, ResourceId, ServiceId, ToolId,
};
pub use infra::{
    CreatedInfra, DeployStatus, InfraCapabilities, InfraHandle, InfraOptions, InfraProvider,
    InstanceSpec, ListedInstance, LogLine, Redeploy,
};
pub use literal::{escape_value, unescape_value};
pub use mark::{EnvironmentName, Mark, ParseEnvironmentError};
pub use notice::{NoticeError, VendorNotice};
pub use price::{Price, in_dollars, in_micros};
pub use secret::{EnvName, EnvVars, ParseEnvNameError, Secret};
pub use section::{Entry, Section, Sections};
pub use tool::{
    ListedResource, Metadata, ProvisionedTool, ToolCapabilities, ToolOptions, ToolProvider, Usage,
    read_options,
};
pub use version::{COMMIT, version_with_commit};
