//! Makes a panic of the provider an error. Place in the order: inside the timeout.
//!
//! Otherwise the panic would end the calling task and its work for other providers: the other tools of the same
//! instance, the sweep, the tick.

use std::future::Future;

use crate::ProviderError;
use crate::panic::caught;

/// Runs `attempt`. The effect of an attempt that panicked is unknown.
pub(super) async fn guard<T>(
    attempt: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    caught(attempt)
        .await
        .unwrap_or_else(|panicked| Err(ProviderError::defect(panicked)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::layer::operation::Operation;
    use crate::layer::stack::Stack;
    use crate::layer::stack::tests::{context, settings};
    use crate::{Effect, ErrorKind, ProviderError};

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_an_error_that_names_the_provider_and_is_not_tried_again() {
        let stack = Stack::new("acme", settings(), Arc::default());
        let calls = AtomicU32::new(0);
        let panics = |_| async {
            calls.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            panic!("index out of bounds")
        };
        let result: Result<(), ProviderError> = stack
            .call(Operation::read("list"), &context(), panics)
            .await;
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::Defect, Effect::Unknown)
        );
        let text = error.to_string();
        assert!(
            text.starts_with("acme list: defect: panicked: index out of bounds"),
            "{text}"
        );
        assert_eq!(calls.into_inner(), 1);
    }
}
