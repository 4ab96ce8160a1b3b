//! How many statements a test sent to its database.

use std::cell::Cell;
use std::sync::Once;

use diesel::connection::{InstrumentationEvent, set_default_instrumentation};

thread_local! {
    /// A test and all of its service run on one thread.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Counts from now on, in all connections that are made after.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_default_instrumentation(|| Some(Box::new(record))).unwrap());
}

fn record(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { .. } = event {
        COUNT.set(COUNT.get() + 1);
    }
}

/// How many statements this test sent so far.
pub(crate) fn count() -> usize {
    COUNT.get()
}
