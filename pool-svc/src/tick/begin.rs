//! The work that a tick starts: destructions and creations, including those that failed or whose replica died. Their
//! rows are taken behind the fence, and each is then protected by its own lease.

use agent_pool_core::wire::pool::TickReport;
use diesel_async::AsyncConnection;

use super::error::{TickError, require_latest};
use super::ticker::Ticker;
use crate::db::instances::NewInstance;
use crate::db::leases::{Condemned, Pending};
use crate::db::tick_state::{self, Epoch};

/// Rows that this tick has taken or inserted.
struct Begun {
    condemned: Vec<Condemned>,
    taken: Vec<NewInstance>,
    new: Vec<NewInstance>,
}

pub(super) async fn begin(
    ticker: &Ticker,
    epoch: Epoch,
    report: &mut TickReport,
) -> Result<(), TickError> {
    let Ticker {
        app,
        creations,
        destructions,
        ..
    } = ticker;
    let mut conn = app.db.conn().await?;
    let Begun {
        condemned,
        taken,
        new,
    } = conn
        .transaction(async |conn| {
            // The fence comes first: it locks the row of the turn, so that a tick that was taken over takes no work.
            require_latest(tick_state::hold(conn, epoch).await?)?;
            let condemned = destructions.take_pending(conn, Pending::All).await?;
            let taken = creations.take_expired(conn).await?;
            let new = creations.insert_deficit(conn).await?;
            Ok::<_, TickError>(Begun {
                condemned,
                taken,
                new,
            })
        })
        .await?;
    report.destroying = u32::try_from(condemned.len()).unwrap_or(u32::MAX);
    report.created = u32::try_from(new.len()).unwrap_or(u32::MAX);
    destructions.spawn(condemned);
    creations.spawn(taken);
    creations.spawn(new);
    Ok(())
}
