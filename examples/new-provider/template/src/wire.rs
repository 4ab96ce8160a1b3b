//! The parts of the vendor's JSON that are used.

use agent_pool_core::prelude::*;

// Yours: what the vendor answers, by its own names
#[derive(Debug, Deserialize)]
pub(crate) struct Keys {
    pub(crate) keys: Vec<ListItem<Key>>,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NewKey {
    pub(crate) id: String,
    /// Shown this once.
    pub(crate) secret: Secret,
}
