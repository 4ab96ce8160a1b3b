//! Reads the tables of the original and carries out the plan.

use agent_pool_service_kit::adopt::{Original, find_adoption, record_adoption};
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::config::Adoption;
use agent_pool_service_kit::db::{Db, DbError};
use anyhow::{Context as _, bail};
use diesel_async::AsyncConnection;

use super::plan::Plan;
use super::{INFRA, INSTANCES};
use crate::db::{MIGRATIONS, adopted, reseal};

/// Reports what happens to the rows of the original, and with [`Adoption::Apply`] adopts them.
pub(crate) async fn adopt(db: &Db, cipher: &Cipher, adoption: Adoption) -> anyhow::Result<String> {
    if let Some(done) = find_adoption(&mut *db.conn().await?).await? {
        let at = done.adopted_at;
        return Ok(format!("Adopted already, at {at}. There is nothing to do."));
    }
    let Some(mut original) = Original::find(db, None, INSTANCES).await? else {
        bail!(
            "the database has no table instances of the original: set POOL_DATABASE_URL to the original's database"
        )
    };
    let plan = Plan::new(original.rows(INSTANCES).await?, original.rows(INFRA).await?);
    let report = format!("{}{}", original.describe().await?, plan.outcome.report());
    if adoption == Adoption::Preview {
        return Ok(report + "Nothing is changed. To do it: pool-svc adopt --apply");
    }
    let moved = original.move_away().await;
    moved.context("cannot move the tables of the original: is it still running?")?;
    db.migrate(MIGRATIONS).await?;
    insert(db, &plan).await.context("nothing is adopted yet")?;
    reseal::reseal(&mut *db.conn().await?, cipher).await?;
    Ok(report + "Done. Start Pool once Services has adopted its part and is running.")
}

async fn insert(db: &Db, plan: &Plan) -> Result<(), DbError> {
    let mut conn = db.conn().await?;
    conn.transaction(async |conn| {
        adopted::insert(conn, &plan.instances).await?;
        record_adoption(conn, &plan.outcome).await
    })
    .await
}
