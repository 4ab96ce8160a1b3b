//! Notifications of other replicas: an instance became idle, a claim left the queue, a claim with a key
//! ended. The statements that cause these send them, on channel `agent_pool_claims`. Diesel has no `LISTEN`.

use agent_pool_service_kit::db::{Db, DbError};
use diesel::sql_query;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{Stream, StreamExt};

/// A session that listens. It ends when this is dropped.
pub(crate) struct ListeningSession(AsyncPgConnection);

/// Starts listening on its own connection. `None` behind a pooler that does not pass notifications on.
pub(crate) async fn listen(db: &Db) -> Result<Option<ListeningSession>, DbError> {
    let Some(mut session) = db.listener().await? else {
        return Ok(None);
    };
    sql_query("LISTEN agent_pool_claims")
        .execute(&mut session)
        .await?;
    Ok(Some(ListeningSession(session)))
}

impl ListeningSession {
    /// The payloads of notifications, in the order in which they arrive, until the connection ends.
    pub(crate) fn payloads(&mut self) -> impl Stream<Item = Result<String, DbError>> {
        let notifications = self.0.notifications_stream();
        notifications.map(|received| Ok(received?.payload))
    }
}
