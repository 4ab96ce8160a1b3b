//! The dashboard over HTTP, as a browser without a script asks for it.

mod claim;
mod fleet;
mod instance;
mod live;
mod person;
mod sign_in;

pub(crate) use person::Person;
