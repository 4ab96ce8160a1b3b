//! Tests of the requests to Telnyx, and of the handling of its answers and failures.

use provider_telnyx as _;

// `cfg(test)` tells clippy that the helpers are test code too.
#[cfg(test)]
mod bad_vendor;
#[cfg(test)]
mod buy;
#[cfg(test)]
mod buyers;
#[cfg(test)]
mod campaigns;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod list;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod release;
#[cfg(test)]
mod settings;
