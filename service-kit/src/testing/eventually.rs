//! Waiting for a state.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How often the state is checked.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Polls until `holds` is true.
///
/// # Panics
/// It is not true within `limit`; the panic names `what`.
pub async fn eventually(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let look = async {
        while !holds().await {
            sleep(LOOK_EVERY).await;
        }
    };
    let held = timeout(limit, look).await;
    assert!(held.is_ok(), "not within {limit:?}: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_looks_until_the_state_is_there() {
        let mut looks = 0;
        eventually("three looks", Duration::from_secs(1), async || {
            looks += 1;
            looks == 3
        })
        .await;
        assert_eq!(looks, 3);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "not within 1s: the impossible")]
    async fn it_says_what_did_not_happen() {
        eventually("the impossible", Duration::from_secs(1), async || false).await;
    }
}
