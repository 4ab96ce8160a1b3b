//! Keeps stored values sealed with the newest key, after `POOL_ENCRYPTION_KEY` was set or rotated.

use agent_pool_service_kit::cipher::{Cipher, Resealed};
use agent_pool_service_kit::db::{Db, DbError};
use agent_pool_service_kit::reseal;
use tracing::warn;

use crate::app::App;
use crate::background::Background;
use crate::db::reseal::reseal;

/// Seals again at start and periodically, until shutdown.
pub(crate) fn keep_resealing(app: &App, background: &Background) {
    if !app.config.cipher.encrypts() {
        warn!(
            "POOL_ENCRYPTION_KEY is not set: invite links and instructions are stored in the clear"
        );
    }
    let app = app.clone();
    background.tasks.keep("reseal", move |shutdown| {
        let app = app.clone();
        async move {
            let cipher = &app.config.cipher;
            reseal::keep_resealing(cipher, &shutdown, || pass(&app.db, cipher)).await;
        }
    });
}

/// Seals everything again now, and returns a report.
pub(crate) async fn rekey(db: &Db, cipher: &Cipher) -> anyhow::Result<String> {
    reseal::rekey(cipher, || pass(db, cipher)).await
}

async fn pass(db: &Db, cipher: &Cipher) -> Result<Resealed, DbError> {
    reseal(&mut *db.conn().await?, cipher).await
}
