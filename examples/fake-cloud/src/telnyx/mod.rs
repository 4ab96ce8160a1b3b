//! Telnyx v2: number search, reservation, asynchronous orders, numbers, messaging profiles, balance.

mod campaigns;
mod error;
mod messaging;
mod numbers;
mod options;
mod orders;
mod page;
mod profiles;
mod reservations;
mod routes;
mod search;
mod settle;
mod state;
mod sub_orders;

pub use options::TelnyxOptions;
pub(crate) use state::Telnyx;
pub use state::{
    TelnyxAssignment, TelnyxLine, TelnyxNumber, TelnyxOrder, TelnyxOrderStatus, TelnyxProfile,
    TelnyxState,
};
