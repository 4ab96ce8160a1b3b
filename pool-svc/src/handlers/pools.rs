//! The pools and their policies.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{DeletedPool, PoolVersions, PoolView, Pools};
use agent_pool_core::wire::problem::Problem;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::db::pools as table;
use crate::pool::Pool;
use crate::pools::change::{self, Change};
use crate::pools::view::{find_view, load_views};
use crate::problem::{from_database, unknown_pool};

/// Maximum number of versions in one answer.
const MOST_VERSIONS: u16 = 100;

/// `GET /api/pool/pools`
pub(crate) async fn list(app: App) -> Result<Pools, Problem> {
    let pools = load_views(&app).await.map_err(from_database)?;
    Ok(Pools { pools })
}

/// `GET /api/pool/pools/:name`
pub(crate) async fn find(name: PoolName, app: App) -> Result<PoolView, Problem> {
    let found = find_view(&app, &name).await.map_err(from_database)?;
    found.ok_or_else(|| unknown_pool(&name))
}

/// Answers 404 unless there is such a pool.
pub(crate) async fn require(name: &PoolName, app: &App) -> Result<(), Problem> {
    let find = async || table::find(&mut *app.db.conn().await?, name).await;
    let found = find().await.map_err(from_database)?;
    found.map(|_| ()).ok_or_else(|| unknown_pool(name))
}

/// `GET /api/pool/pools/:name/versions`: also of a pool that was deleted.
pub(crate) async fn versions(name: PoolName, app: App) -> Result<PoolVersions, Problem> {
    let load =
        async || table::load_versions(&mut *app.db.conn().await?, &name, MOST_VERSIONS).await;
    let versions = load().await.map_err(from_database)?;
    // The pool `default` has none while it follows the settings.
    if versions.is_empty() && !name.is_default() {
        return Err(unknown_pool(&name));
    }
    Ok(PoolVersions { versions })
}

/// Which version a change is for.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ChangeQuery {
    /// The version to change. Without it, the stored version is changed, whichever it is.
    version: Option<u32>,
}

/// `PUT /api/pool/pools/:name`
pub(crate) async fn put(
    name: PoolName,
    query: ChangeQuery,
    body: Value,
    pool: Pool,
) -> Result<PoolView, Problem> {
    apply(name, Change::Put(body), query.version, pool).await
}

/// `PATCH /api/pool/pools/:name`: a merge patch, after RFC 7396.
pub(crate) async fn patch(
    name: PoolName,
    query: ChangeQuery,
    body: Value,
    pool: Pool,
) -> Result<PoolView, Problem> {
    apply(name, Change::Patch(body), query.version, pool).await
}

/// `GET /api/pool/settings`: the pool `default`.
pub(crate) async fn settings(app: App) -> Result<PoolView, Problem> {
    find(PoolName::default(), app).await
}

/// `PATCH /api/pool/settings`: members of the policy of the pool `default`.
pub(crate) async fn patch_settings(
    query: ChangeQuery,
    body: Value,
    pool: Pool,
) -> Result<PoolView, Problem> {
    let change = Change::Patch(json!({ "policy": body }));
    apply(PoolName::default(), change, query.version, pool).await
}

async fn apply(
    name: PoolName,
    what: Change,
    version: Option<u32>,
    pool: Pool,
) -> Result<PoolView, Problem> {
    let Pool {
        app, background, ..
    } = pool;
    change::change(&app, &background, &name, what, version).await?;
    find(name, app).await
}

/// The query of a deletion.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeleteQuery {
    /// The pool that takes over its claimed instances.
    move_to: Option<PoolName>,
}

/// `DELETE /api/pool/pools/:name`
pub(crate) async fn delete(
    name: PoolName,
    query: DeleteQuery,
    pool: Pool,
) -> Result<DeletedPool, Problem> {
    let (app, destructions) = (&pool.app, &pool.destructions);
    let deleted = change::delete(app, destructions, &name, query.move_to.as_ref()).await?;
    Ok(DeletedPool {
        name,
        destroying: deleted.condemned,
        moved: deleted.moved,
    })
}
