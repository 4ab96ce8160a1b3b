//! Webhooks: notify endpoints of events, according to the Standard Webhooks specification.
//!
//! An event writes its message into the tables of [`db::webhooks`](crate::db::webhooks) in its own transaction
//! ([`raise`](crate::db::webhooks::raise); the lifecycle log does it by a trigger), so that a crash loses none. Any
//! replica delivers it at least once, with retries over days ([`schedule`]). A receiver recognises a duplicate by
//! `webhook-id`. A new event is a member of [`WebhookEvent`](agent_pool_core::wire::pool::WebhookEvent) and a call of
//! `raise`.
//!
//! Operators choose the endpoints, but their names may resolve to any address, so every address is checked at
//! connection time ([`target`]), and redirects are not followed.

mod deliver;
mod empty;
mod schedule;
mod send;
pub(crate) mod signature;
pub(crate) mod target;

pub(crate) use deliver::keep_delivering;
