//! Who sends a request.

use std::fmt;
use std::net::IpAddr;

/// Who sends a request: the name of the key that was presented, and the address that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name of the key, `api` if it has none.
    pub name: String,
    /// The address, as far as it is known.
    pub source: Option<IpAddr>,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(source) => write!(f, "{} from {source}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
