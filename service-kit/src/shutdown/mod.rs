//! The end of the process: announced by signals, or by a call.

mod announce;
mod signals;

pub use announce::Shutdown;
pub use signals::LeftBehind;
