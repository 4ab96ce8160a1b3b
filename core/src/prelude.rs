//! Everything that the crate of a tool with an HTTP API needs: `use agent_pool_core::prelude::*;`.
//!
//! Only `serde` has to be a dependency of its own, for its derives, and `schemars`; see
//! [`HttpTool`] for a whole tool.

pub use std::time::Duration;

pub use async_trait::async_trait;
pub use inventory;
pub use schemars::JsonSchema;
pub use serde::de::DeserializeOwned;
pub use serde::{Deserialize, Serialize};
pub use serde_json::{Value, json};
pub use url::Url;

pub use crate::http::{
    Answer, Api, Data, FaultTable, Found, HttpTool, NoOptions, Numbered, OnRepeat, Ordered, Page,
    Patience, Progress, Purchase, Reply, Shared, VendorFault, VendorHttp, VendorRequest, age, buy,
};
pub use crate::registry::ToolRegistration;
pub use crate::settings::{self, Amount, CountryCode, Environment, Millis, SettingsError};
pub use crate::{
    Effect, ErrorKind, ListedResource, ProviderError, ProvisionedTool, Secret, ToolCapabilities,
    ToolOptions, Usage, absent_is_done, read_options,
};
