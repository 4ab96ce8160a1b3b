//! Keeping what is sealed at rest sealed with the newest key, after `POOL_ENCRYPTION_KEY` was set or rotated.

use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::app::App;
use crate::background::Background;
use crate::db::reseal::{Resealed, reseal};

/// Between two passes. More than one is needed while a replica still runs that seals with an older key.
const PERIOD: Duration = Duration::from_hours(1);

/// Seals again at start, and from time to time, until shutdown.
pub(crate) fn keep_resealing(app: &App, background: &Background) {
    let app = app.clone();
    background.tasks.keep("reseal", move |shutdown| {
        let app = app.clone();
        async move {
            tokio::select! {
                () = reseal_again_and_again(&app) => {}
                () = shutdown.wait() => {}
            }
        }
    });
}

async fn reseal_again_and_again(app: &App) {
    if !app.config.cipher.encrypts() {
        warn!(
            "POOL_ENCRYPTION_KEY is not set: invite links and instructions are stored in the clear"
        );
    }
    loop {
        match pass(app).await {
            Ok(Resealed { sealed: 0, lost: 0 }) => {}
            Ok(Resealed { sealed, lost }) => info!(
                "sealed {sealed} stored values with the first key of POOL_ENCRYPTION_KEY; none of its keys opens {lost} others"
            ),
            Err(error) => {
                warn!(
                    error.chain = chain(&error),
                    "stored values are not sealed again: {error}"
                );
            }
        }
        sleep(PERIOD).await;
    }
}

async fn pass(app: &App) -> Result<Resealed, DbError> {
    reseal(&mut *app.db.conn().await?, &app.config.cipher).await
}
