//! Settings: an author writes only a typed struct.
//!
//! A settings struct derives `Deserialize` and `JsonSchema`. Each field is a variable (the prefix and the field's
//! name in capitals). Its doc comment is the description, its type the validation, and [`Secret`](crate::Secret)
//! values are redacted. Reading collects every fault before it returns.
//!
//! ```
//! use agent_pool_core::settings::{self, Environment, Millis};
//!
//! #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
//! struct AcmeSettings {
//!     /// The account's key.
//!     api_key: agent_pool_core::Secret,
//!     /// How long one call may take.
//!     #[serde(default = "AcmeSettings::default_timeout")]
//!     timeout_ms: Millis,
//! }
//!
//! impl AcmeSettings {
//!     fn default_timeout() -> Millis {
//!         Millis::from_millis(5_000)
//!     }
//! }
//!
//! let empty = Environment::default();
//! let error = settings::read::<AcmeSettings>("ACME_", &empty).unwrap_err();
//! assert_eq!(error.to_string(), "ACME_API_KEY is required: The account's key.");
//! ```

mod amount;
mod environment;
mod error;
mod millis;
mod read;
mod template;

pub use amount::{Amount, amount};
pub use environment::Environment;
pub use error::{Faults, SettingFault, SettingsError};
pub use millis::{Millis, millis};
pub(crate) use read::with_defaults;
pub use read::{SettingSpec, describe, read, url};
pub use template::url_by_template;
