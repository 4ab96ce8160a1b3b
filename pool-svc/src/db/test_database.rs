//! A database of one test, and what tests put into it.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::runtime::ProvisionRequest;
use agent_pool_service_kit::db::Conn;
use agent_pool_service_kit::testing::{TestDatabase, fresh_database};
use diesel::sql_query;
use diesel_async::RunQueryDsl;

use super::MIGRATIONS;
use super::claims::NewAgent;

pub(crate) async fn database() -> TestDatabase {
    fresh_database(MIGRATIONS, "pool").await
}

/// A connection to a new database.
pub(crate) async fn fresh_conn() -> Conn {
    database().await.db().conn().await.unwrap()
}

/// Runs a statement. Returns the number of rows that it changed.
pub(crate) async fn run(conn: &mut Conn, statement: &str) -> usize {
    sql_query(statement).execute(conn).await.unwrap()
}

/// The agent of a claim.
pub(crate) fn agent(id: &InstanceId) -> NewAgent {
    NewAgent {
        id: id.clone(),
        by: None,
        request: ProvisionRequest {
            agent_name: "Tulip".to_owned().try_into().unwrap(),
            instructions: "Be kind.".to_owned().try_into().unwrap(),
            join_url: None,
            profile_image: None,
            metadata: None,
            callback_url: None,
            tools_url: None,
        },
        ttl: None,
        conversation_id: "c".to_owned(),
        invite_url: "i".to_owned(),
    }
}
