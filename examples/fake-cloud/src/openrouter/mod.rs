//! OpenRouter's management API: keys, the current key, credits, workspaces.

mod error;
mod keys;
mod options;
mod routes;
mod state;
mod workspaces;

pub use options::{OpenRouterOptions, WorkspaceList};
pub(crate) use state::OpenRouter;
pub use state::{OpenRouterKey, OpenRouterState, OpenRouterWorkspace};
