//! The work that a tick begins: destructions and creations. Their rows are taken behind the fence, and
//! each is then protected by a lease of its own.

use agent_pool_core::wire::pool::TickReport;
use diesel_async::AsyncConnection;

use super::error::{TickError, require};
use crate::app::App;
use crate::db::tick_state::{self, Epoch};
use crate::{destruction, warm_up};

pub(super) async fn begin(
    app: &App,
    epoch: Epoch,
    may_create: bool,
    report: &mut TickReport,
) -> Result<(), TickError> {
    let mut conn = app.db.conn().await?;
    let (condemned, begun) = conn
        .transaction(async |conn| {
            require(tick_state::hold(conn, epoch).await?)?;
            let condemned = destruction::take(app, conn).await?;
            let begun = if may_create {
                warm_up::insert_deficit(app, conn).await?
            } else {
                Vec::new()
            };
            Ok::<_, TickError>((condemned, begun))
        })
        .await?;
    report.destroying = u32::try_from(condemned.len()).unwrap_or(u32::MAX);
    report.created = u32::try_from(begun.len()).unwrap_or(u32::MAX);
    destruction::spawn(app, condemned);
    warm_up::spawn(app, begun);
    Ok(())
}
