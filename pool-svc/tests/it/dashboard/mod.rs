//! The dashboard over HTTP, as a browser without a script asks for it.

mod person;
mod sign_in;

pub(crate) use person::Person;
