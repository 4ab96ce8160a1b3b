//! The vendor's scalars.

use std::collections::BTreeMap;

use async_graphql::scalar;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A time as text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DateTime(pub(crate) String);

/// A map from names to strings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct EnvironmentVariables(pub(crate) BTreeMap<String, String>);

/// The blob that a patch is merged into.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EnvironmentConfig(pub(crate) Value);

/// The settings that a deployment was created from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DeploymentMeta(pub(crate) Value);

scalar!(DateTime);
scalar!(EnvironmentVariables);
scalar!(EnvironmentConfig);
scalar!(DeploymentMeta);
