//! Webhooks: telling endpoints of others what happened, after the Standard Webhooks specification.
//!
//! An event writes its message into the tables of [`db::webhooks`](crate::db::webhooks) in its own transaction
//! ([`raise`](crate::db::webhooks::raise); the lifecycle log does it by a trigger), so that a crash loses none. Any replica sends it, at least
//! once, again and again over days ([`schedule`]). A receiver knows a message that comes twice by `webhook-id`.
//!
//! Endpoints are chosen by operators and may still lead anywhere, so every address is checked when it is
//! connected to ([`target`]), and redirects are not followed.

mod deliver;
mod empty;
mod schedule;
mod send;
pub(crate) mod signature;
pub(crate) mod target;

pub(crate) use deliver::keep_delivering;
