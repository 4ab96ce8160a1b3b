//! A database of one system.

use tokio::sync::Mutex;

use crate::lab::Lab;
use crate::rows::Database;

/// A database, and the session in which the lab queries it. A new session for each query would cost more than the
/// query itself.
#[derive(Debug)]
pub(crate) struct OwnDatabase {
    pub(crate) name: String,
    session: Mutex<Option<Database>>,
}

impl OwnDatabase {
    pub(crate) fn new(name: String) -> Self {
        let session = Mutex::default();
        Self { name, session }
    }

    /// The session, or a new one if Postgres ended it.
    pub(crate) async fn session(&self, lab: &Lab) -> anyhow::Result<Database> {
        let mut session = self.session.lock().await;
        if let Some(open) = session.as_ref().filter(|open| !open.is_closed()) {
            return Ok(open.clone());
        }
        let new = Database::connect(&lab.database_url(&self.name, None)?).await?;
        Ok(session.insert(new).clone())
    }
}
