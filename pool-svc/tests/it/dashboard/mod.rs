//! The dashboard over HTTP, as a browser without a script asks for it.

mod bench;
mod claim;
mod costs;
mod events;
mod fleet;
mod instance;
mod live;
mod over_time;
mod person;
mod pools;
mod providers;
mod sign_in;

pub(crate) use person::Person;
