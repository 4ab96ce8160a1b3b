//! The shutdown of the process, triggered by signals or by a call.

mod announce;
mod signals;

pub use announce::Shutdown;
pub use signals::{LeftBehind, ignores_hangup};
