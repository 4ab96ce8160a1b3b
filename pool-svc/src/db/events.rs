//! What is read of table `instance_events`, the lifecycle log. The moves in
//! [`instances`](super::instances) write it.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{LifecycleEvent, Status};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::instance_events;
use super::{parse_id, parse_status};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = instance_events)]
struct Row {
    id: i64,
    instance_id: String,
    from_status: Option<String>,
    to_status: Option<String>,
    cause: String,
    at: DateTime<Utc>,
}

impl TryFrom<Row> for LifecycleEvent {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let status = |word: Option<String>| -> Result<Option<Status>, DbError> {
            word.map(|word| parse_status(&row.instance_id, &word))
                .transpose()
        };
        Ok(Self {
            id: row.id,
            from: status(row.from_status)?,
            to: status(row.to_status)?,
            instance_id: parse_id(row.instance_id)?,
            cause: row.cause,
            at: row.at,
        })
    }
}

/// Which part of the log is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) limit: u16,
    pub(crate) before: Option<i64>,
    pub(crate) instance_id: Option<InstanceId>,
}

/// A part of the log, newest first.
pub(crate) async fn load(
    conn: &mut AsyncPgConnection,
    page: &Page,
) -> Result<Vec<LifecycleEvent>, DbError> {
    let mut query = instance_events::table
        .order(instance_events::id.desc())
        .limit(page.limit.into())
        .select(Row::as_select())
        .into_boxed();
    if let Some(before) = page.before {
        query = query.filter(instance_events::id.lt(before));
    }
    if let Some(id) = &page.instance_id {
        query = query.filter(instance_events::instance_id.eq(id.as_str()));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    rows.into_iter().map(LifecycleEvent::try_from).collect()
}
