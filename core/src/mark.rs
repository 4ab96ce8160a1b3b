//! The mark: how a vendor's resource is recognised as ours.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::InstanceId;

/// The name of a deployment of this system, such as `production`. Every resource belongs to one.
///
/// At most 14 characters of `a-z 0-9 -`, so that [`Mark::label`] fits the 32 characters that Railway allows for a
/// name.
///
/// ```
/// use agent_pool_core::EnvironmentName;
///
/// assert!("staging-eu".parse::<EnvironmentName>().is_ok());
/// assert!("Production".parse::<EnvironmentName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvironmentName(String);

/// The error of a text that is not an environment name.
///
/// ```
/// let error = "".parse::<agent_pool_core::EnvironmentName>().unwrap_err();
/// assert_eq!(error.to_string(), "expected 1 to 14 characters of a-z 0-9 -");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 14 characters of a-z 0-9 -")]
pub struct ParseEnvironmentError;

impl TryFrom<String> for EnvironmentName {
    type Error = ParseEnvironmentError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=14).contains(&text.len());
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if fits && text.bytes().all(plain) {
            Ok(Self(text))
        } else {
            Err(ParseEnvironmentError)
        }
    }
}

impl FromStr for EnvironmentName {
    type Err = ParseEnvironmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<EnvironmentName> for String {
    fn from(name: EnvironmentName) -> Self {
        name.0
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for EnvironmentName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EnvironmentName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9-]{1,14}$" })
    }
}

/// Creates and recognises the labels of this environment's resources at every vendor.
///
/// A label is `ap-<environment>-<instance id>`: the same for every vendor, at most 30 characters, in an alphabet that
/// all vendors accept. It contains the environment, so that two environments that share an account never sweep each
/// other's resources.
///
/// ```
/// use agent_pool_core::{InstanceId, Mark};
///
/// let [ours, theirs] = ["eu", "eu-west"].map(|name| Mark::new(&name.parse().unwrap()));
/// let instance = InstanceId::generate();
/// assert_eq!(ours.instance(&ours.label(&instance)), Some(instance.clone()));
/// assert_eq!(ours.instance(&theirs.label(&instance)), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    prefix: String,
}

impl Mark {
    /// The mark of one environment.
    #[must_use]
    pub fn new(environment: &EnvironmentName) -> Self {
        Self {
            prefix: format!("ap-{environment}-"),
        }
    }

    /// The prefix of every label of this environment, for vendors that can filter lists.
    ///
    /// ```
    /// # use agent_pool_core::Mark;
    /// assert_eq!(Mark::new(&"eu".parse().unwrap()).prefix(), "ap-eu-");
    /// // The prefix alone is no proof: `ap-eu-west-…` has it too. `Mark::instance` tells them apart.
    /// # let west = Mark::new(&"eu-west".parse().unwrap()).label(&"k3v9x0a1b2c3".parse().unwrap());
    /// # assert_eq!(Mark::new(&"eu".parse().unwrap()).instance(&west), None);
    /// ```
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The label of one instance's resources.
    #[must_use]
    pub fn label(&self, instance: &InstanceId) -> String {
        format!("{}{instance}", self.prefix)
    }

    /// The instance that a label names; `None` for a label of another environment.
    ///
    /// The fixed length of an instance id makes this unambiguous: `ap-eu-west-…` is never read as a label of the
    /// environment `eu`.
    #[must_use]
    pub fn instance(&self, label: &str) -> Option<InstanceId> {
        label.strip_prefix(&self.prefix)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(environment: &str) -> Mark {
        Mark::new(&environment.parse().unwrap())
    }

    #[test]
    fn a_label_leads_back_to_its_instance_and_only_in_its_environment() {
        let id = InstanceId::generate();
        let label = mark("eu-west").label(&id);
        assert_eq!(mark("eu-west").instance(&label), Some(id));
        assert_eq!(mark("eu").instance(&label), None);
        assert_eq!(mark("eu-west").instance("somebody-elses-service"), None);
    }

    #[test]
    fn the_longest_label_fits_a_railway_name() {
        assert!(mark("fourteen-chars").label(&InstanceId::generate()).len() <= 32);
        assert!("fifteen-letters".parse::<EnvironmentName>().is_err());
    }

    #[test]
    fn an_environment_name_is_what_every_vendor_takes() {
        for bad in ["", "Production", "a_b", "a b", "a.b"] {
            assert!(bad.parse::<EnvironmentName>().is_err(), "{bad}");
        }
    }
}
