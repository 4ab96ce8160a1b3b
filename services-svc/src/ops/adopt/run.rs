//! Reads the tables of the original and carries out the plan.

use agent_pool_core::registry::Registry;
use agent_pool_service_kit::adopt::{Original, find_adoption, is_same_database, record_adoption};
use agent_pool_service_kit::config::Adoption;
use agent_pool_service_kit::db::{Db, DbError};
use anyhow::{Context as _, bail};
use diesel_async::AsyncConnection;

use super::plan::Plan;
use super::{INFRA, TOOLS};
use crate::config::Config;
use crate::db::{MIGRATIONS, adopted, reseal};

/// Reports what happens to the rows of the original, and with [`Adoption::Apply`] adopts them.
pub(crate) async fn adopt(
    db: &Db,
    config: &Config,
    registry: &Registry,
    adoption: Adoption,
) -> anyhow::Result<String> {
    if let Some(done) = find_adoption(&mut *db.conn().await?).await? {
        let at = done.adopted_at;
        return Ok(format!("Adopted already, at {at}. There is nothing to do."));
    }
    let elsewhere = config.general.original_database_url.as_ref();
    if let Some(url) = elsewhere
        && is_same_database(db, url).await?
    {
        bail!(
            "ORIGINAL_DATABASE_URL and SERVICES_DATABASE_URL lead to the same database: if it is the one of the \
             original's services, unset ORIGINAL_DATABASE_URL; if it has the original's table instances too, set \
             SERVICES_DATABASE_URL to a new one"
        )
    }
    let Some(mut original) = Original::find(db, elsewhere, INFRA).await? else {
        bail!(
            "no table instance_infra of the original is there: set SERVICES_DATABASE_URL to the database of the \
             original's services; if the original had one database for everything, set ORIGINAL_DATABASE_URL to that \
             and SERVICES_DATABASE_URL to a new one; if it is older than its table instance_infra, start its newest \
             version on it once"
        )
    };
    if elsewhere.is_none() && original.has("instances").await? {
        bail!(
            "the database has Pool's table instances too, and Services needs a database of its own: set \
             ORIGINAL_DATABASE_URL to this one and SERVICES_DATABASE_URL to a new one"
        )
    }
    let plan = Plan::new(
        original.rows(INFRA).await?,
        original.rows(TOOLS).await?,
        registry,
    );
    let report = format!("{}{}", original.describe().await?, plan.outcome.report());
    if adoption == Adoption::Preview {
        return Ok(report + "Nothing is changed. To do it: services-svc adopt --apply");
    }
    let moved = original.move_away().await;
    moved.context("cannot move the tables of the original: is it still running?")?;
    db.migrate(MIGRATIONS).await?;
    insert(db, &plan).await.context("nothing is adopted yet")?;
    reseal::reseal(&mut *db.conn().await?, &config.cipher).await?;
    Ok(report + "Done. Services can be started.")
}

async fn insert(db: &Db, plan: &Plan) -> Result<(), DbError> {
    let mut conn = db.conn().await?;
    conn.transaction(async |conn| {
        adopted::insert(conn, &plan.infras, &plan.tools).await?;
        record_adoption(conn, &plan.outcome).await
    })
    .await
}
