//! Counts the statements that a test sends to its database.

use std::cell::Cell;
use std::sync::Once;

use diesel::connection::{InstrumentationEvent, set_default_instrumentation};

thread_local! {
    /// A test and its whole service run on one thread.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Starts to count, on all connections that are opened later.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_default_instrumentation(|| Some(Box::new(record))).unwrap());
}

fn record(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { .. } = event {
        COUNT.set(COUNT.get() + 1);
    }
}

/// Number of statements that this test has sent so far.
pub(crate) fn count() -> usize {
    COUNT.get()
}
