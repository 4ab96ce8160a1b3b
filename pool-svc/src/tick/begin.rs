//! The work that a tick starts: destructions and creations. Their rows are taken behind the fence, and
//! each is then protected by a lease of its own.

use agent_pool_core::wire::pool::TickReport;
use diesel_async::AsyncConnection;

use super::error::{TickError, require_latest};
use super::ticker::Ticker;
use crate::db::tick_state::{self, Epoch};

pub(super) async fn begin(
    ticker: &Ticker,
    epoch: Epoch,
    may_create: bool,
    report: &mut TickReport,
) -> Result<(), TickError> {
    let Ticker {
        app,
        creations,
        destructions,
        ..
    } = ticker;
    let mut conn = app.db.conn().await?;
    let (condemned, new) = conn
        .transaction(async |conn| {
            require_latest(tick_state::hold(conn, epoch).await?)?;
            let condemned = destructions.take_pending(conn).await?;
            let new = if may_create {
                creations.insert_deficit(conn).await?
            } else {
                Vec::new()
            };
            Ok::<_, TickError>((condemned, new))
        })
        .await?;
    report.destroying = u32::try_from(condemned.len()).unwrap_or(u32::MAX);
    report.created = u32::try_from(new.len()).unwrap_or(u32::MAX);
    destructions.spawn(condemned);
    creations.spawn(new);
    Ok(())
}
