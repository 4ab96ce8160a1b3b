//! Everything that the crate of a tool with an HTTP API needs: `use agent_pool_core::prelude::*;`.
//!
//! Besides this crate, such a crate depends on `serde` and `schemars`, which the derives need; see [`HttpTool`] for a
//! complete tool.
//!
//! ```
//! use agent_pool_core::prelude::*;
//!
//! #[derive(Debug, Deserialize, JsonSchema)]
//! struct Acme {
//!     /// The account's key.
//!     api_key: Secret,
//!     /// How long to wait for a number.
//!     #[serde(default = "settings::millis::<60_000>")]
//!     order_timeout_ms: Millis,
//! }
//!
//! let environment = Environment::from_iter([("ACME_API_KEY", "sk-123")]);
//! let acme: Acme = settings::read("ACME_", &environment).unwrap();
//! assert_eq!(acme.order_timeout_ms.duration(), Duration::from_secs(60));
//! assert!(!format!("{acme:?}").contains("sk-123"));
//! ```

pub use std::time::Duration;

pub use async_trait::async_trait;
pub use inventory;
pub use schemars::JsonSchema;
pub use serde::de::DeserializeOwned;
pub use serde::{Deserialize, Serialize};
pub use serde_json::{Value, json};
pub use url::Url;

pub use crate::http::{
    Api, Data, FaultTable, HttpTool, ListItem, NoOptions, OnRepeat, Page, Polling, ProviderResult,
    Reply, VendorFault, VendorHttp, VendorRequest, VendorResource,
};
pub use crate::registry::ToolRegistration;
pub use crate::settings::{self, Amount, Environment, Millis, SettingsError};
pub use crate::{
    Attempt, Effect, ErrorKind, ListedResource, Metadata, ProviderError, ProvisionedTool, Secret,
    ToolCapabilities, ToolOptions, Usage, absent_is_done, read_options,
};
