//! Tests of the provider's requests against a fake Railway.

use provider_railway as _;

// `cfg(test)` tells clippy that the helpers are test code too.
#[cfg(test)]
mod any_answer;
#[cfg(test)]
mod bad_vendor;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod create;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod destroy;
#[cfg(test)]
mod list;
#[cfg(test)]
mod live;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod schemas;
