//! A member of a PATCH body: absent, null and a value mean different things.

use serde::{Deserialize, Deserializer};

/// The value of one member of a PATCH body.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Given<T> {
    /// Not in the body: leave it.
    #[default]
    Absent,
    /// Null: clear it.
    Null,
    /// A value: set it.
    Value(T),
}

impl<T> Given<T> {
    /// Applies the change to an optional member.
    pub(crate) fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *to = None,
            Self::Value(value) => *to = Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}
