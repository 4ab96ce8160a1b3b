//! Keeps stored values sealed with the newest key, after `SERVICES_ENCRYPTION_KEY` was set or rotated.

use agent_pool_service_kit::cipher::{Cipher, Resealed};
use agent_pool_service_kit::db::{Db, DbError};
use agent_pool_service_kit::reseal;
use agent_pool_service_kit::shutdown::Shutdown;

use crate::app::App;
use crate::db::reseal::reseal;

/// Seals again at start and periodically, until shutdown.
pub(crate) async fn keep_resealing(app: App, shutdown: Shutdown) {
    let (db, cipher) = (app.db(), app.cipher());
    reseal::keep_resealing(cipher, &shutdown, || pass(db, cipher)).await;
}

/// Seals everything again now, and returns a report.
pub(crate) async fn rekey(db: &Db, cipher: &Cipher) -> anyhow::Result<String> {
    reseal::rekey(cipher, || pass(db, cipher)).await
}

async fn pass(db: &Db, cipher: &Cipher) -> Result<Resealed, DbError> {
    reseal(&mut *db.conn().await?, cipher).await
}
