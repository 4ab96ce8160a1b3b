//! The parts of the vendor's JSON that are used.

use agent_pool_core::prelude::*;

#[derive(Debug, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) tokens: Vec<ListItem<Token>>,
    /// How many pages there are; the first is 1.
    pub(crate) pages: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Token {
    pub(crate) token_id: String,
    pub(crate) label: String,
    pub(crate) issued_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NewToken {
    pub(crate) token_id: String,
    /// Shown this once.
    pub(crate) token: Secret,
}
