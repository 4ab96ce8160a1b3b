//! The JSON of every internal API, shared by servers and clients, so that they cannot diverge. JSON is camelCase;
//! unknown members are ignored.
//!
//! ```
//! use agent_pool_core::wire::AgentName;
//!
//! assert!(serde_json::from_str::<AgentName>("\"Tulip\"").is_ok());
//! assert!(serde_json::from_str::<AgentName>("\"\"").is_err());
//! ```

pub mod pool;
pub mod problem;
pub mod runtime;
pub mod services;

mod text;

pub use text::{
    AgentMetadata, AgentName, ConversationId, Instructions, InviteUrl, JoinUrl, ProfileImage,
};
