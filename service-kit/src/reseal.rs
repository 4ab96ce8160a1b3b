//! Keeps stored values sealed with the newest key, after the encryption key was set or rotated.

use std::time::Duration;

use agent_pool_core::chain;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::cipher::{Cipher, Resealed};
use crate::db::DbError;
use crate::shutdown::Shutdown;

/// Pause between two passes. More than one is needed while another replica still seals with an older key.
const PERIOD: Duration = Duration::from_hours(1);

/// Runs `pass` at once and periodically, until shutdown.
pub async fn keep_resealing<F>(cipher: &Cipher, shutdown: &Shutdown, pass: impl Fn() -> F)
where
    F: Future<Output = Result<Resealed, DbError>>,
{
    tokio::select! {
        () = reseal_again_and_again(cipher, pass) => {}
        () = shutdown.wait() => {}
    }
}

async fn reseal_again_and_again<F>(cipher: &Cipher, pass: impl Fn() -> F)
where
    F: Future<Output = Result<Resealed, DbError>>,
{
    let variable = cipher.variable();
    loop {
        match pass().await {
            Ok(Resealed {
                sealed: 0, lost: 0, ..
            }) => {}
            Ok(Resealed { sealed, lost, .. }) => info!(
                "sealed {sealed} stored values with the first key of {variable}; none of its keys opens {lost} others"
            ),
            Err(error) => warn!(
                error.chain = chain(&error),
                "stored values could not be sealed again: {error}"
            ),
        }
        sleep(PERIOD).await;
    }
}

/// The report of the command `rekey`, which runs `pass` once.
///
/// # Errors
/// There is no key, the database failed, or no key opens some of the values; the others are sealed.
pub async fn rekey<F>(cipher: &Cipher, pass: impl Fn() -> F) -> anyhow::Result<String>
where
    F: Future<Output = Result<Resealed, DbError>>,
{
    let variable = cipher.variable();
    anyhow::ensure!(
        cipher.encrypts(),
        "{variable} is not set: there is no key to seal with. Make one with `openssl rand -base64 32`"
    );
    let Resealed {
        sealed,
        current,
        lost,
    } = pass().await?;
    let counts = format!(
        "sealed {sealed} values with the first key of {variable}; {current} were already sealed with it"
    );
    anyhow::ensure!(
        lost == 0,
        "{counts}; none of its keys opens {lost} values, which the log names: add the key that they were sealed with"
    );
    Ok(format!(
        "{counts}. The other keys can be removed once no replica seals with them."
    ))
}
