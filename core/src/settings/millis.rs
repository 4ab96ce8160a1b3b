//! Times as settings.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A time in milliseconds: the type of every `…_MS` setting.
///
/// ```
/// use agent_pool_core::settings::Millis;
///
/// assert_eq!(Millis::from_millis(250).duration().as_millis(), 250);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(u64);

/// A default of `N` milliseconds, for `#[serde(default = "settings::millis::<1_000>")]`.
///
/// ```
/// assert_eq!(agent_pool_core::settings::millis::<250>().duration().as_millis(), 250);
/// ```
#[must_use]
pub const fn millis<const N: u64>() -> Millis {
    Millis(N)
}

impl Millis {
    /// A time of `millis` milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The time as a [`Duration`].
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl JsonSchema for Millis {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Millis".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0 })
    }
}
