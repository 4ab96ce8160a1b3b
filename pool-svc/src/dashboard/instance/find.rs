//! The instance that a page is about.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::InstanceView;
use agent_pool_core::wire::problem::Problem;

use crate::app::App;
use crate::db::views;
use crate::ops::destruction::CondemnError;
use crate::problem::from_database;

/// An instance that exists.
pub(in crate::dashboard) async fn find(
    app: &App,
    id: &InstanceId,
) -> Result<InstanceView, Problem> {
    let find = async || views::find(&mut *app.db.conn().await?, &app.config.cipher, id).await;
    let found = find().await.map_err(from_database)?;
    Ok(found.ok_or_else(|| CondemnError::Unknown(id.clone()))?)
}
