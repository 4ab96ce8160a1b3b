//! Table `instances`, searched, filtered, sorted and paged by the database.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, Status};
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::DbError;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::schema::instances;
use crate::db::views;

/// Which instances to load, and in which order.
#[derive(Debug, Clone, Default)]
pub(in crate::dashboard) struct InstanceFilter {
    /// Searched in the ID, the name, the agent name and the URL. Empty matches all.
    pub(in crate::dashboard) text: String,
    pub(in crate::dashboard) status: Option<Status>,
    /// The name of the pool. Empty matches all.
    pub(in crate::dashboard) pool: String,
    pub(in crate::dashboard) sort: Sort,
    pub(in crate::dashboard) order: Order,
}

/// The column to sort by. Ties are sorted by ID.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::dashboard) enum Sort {
    Status,
    Name,
    Agent,
    #[default]
    Created,
    Healthy,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::dashboard) enum Order {
    Ascending,
    #[default]
    Descending,
}

/// One instance with its tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dashboard) struct InstanceRow {
    pub(in crate::dashboard) view: InstanceView,
    /// The tools requested at its creation; `None` if unknown.
    pub(in crate::dashboard) tools: Option<Vec<String>>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = instances)]
struct Row {
    #[diesel(embed)]
    view: views::Row,
    tools: Option<Vec<String>>,
}

impl Row {
    fn open(self, cipher: &Cipher) -> Result<InstanceRow, DbError> {
        Ok(InstanceRow {
            view: self.view.open(cipher)?,
            tools: self.tools,
        })
    }
}

/// The number of matching instances.
pub(in crate::dashboard) async fn count(
    conn: &mut AsyncPgConnection,
    filter: &InstanceFilter,
) -> Result<u32, DbError> {
    let number: i64 = matching(filter).count().get_result(conn).await?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Up to `limit` matching instances after the first `skip`.
pub(in crate::dashboard) async fn load(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    filter: &InstanceFilter,
    skip: u32,
    limit: u32,
) -> Result<Vec<InstanceRow>, DbError> {
    let rows: Vec<Row> = sorted(matching(filter), filter)
        .then_order_by(instances::id)
        .offset(skip.into())
        .limit(limit.into())
        .select(Row::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(|row| row.open(cipher)).collect()
}

/// One instance, if it exists.
pub(in crate::dashboard) async fn find(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    id: &InstanceId,
) -> Result<Option<InstanceRow>, DbError> {
    let row: Option<Row> = instances::table
        .find(id.as_str())
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(|row| row.open(cipher)).transpose()
}

type Query<'a> = instances::BoxedQuery<'a, Pg>;

fn matching(filter: &InstanceFilter) -> Query<'_> {
    let mut query = instances::table.into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(instances::status.eq(status.as_str()));
    }
    if !filter.pool.is_empty() {
        query = query.filter(instances::pool.eq(filter.pool.as_str()));
    }
    if !filter.text.is_empty() {
        let pattern = format!("%{}%", escape_pattern(&filter.text));
        query = query.filter(
            instances::id
                .ilike(pattern.clone())
                .or(instances::name.ilike(pattern.clone()))
                .or(instances::agent_name
                    .ilike(pattern.clone())
                    .assume_not_null())
                .or(instances::url.ilike(pattern).assume_not_null()),
        );
    }
    query
}

fn sorted<'a>(query: Query<'a>, filter: &InstanceFilter) -> Query<'a> {
    use {Order as O, Sort as S};
    match (filter.sort, filter.order) {
        (S::Status, O::Ascending) => query.order(instances::status.asc()),
        (S::Status, O::Descending) => query.order(instances::status.desc()),
        (S::Name, O::Ascending) => query.order(instances::name.asc()),
        (S::Name, O::Descending) => query.order(instances::name.desc()),
        (S::Agent, O::Ascending) => query.order(lower(instances::agent_name).asc().nulls_last()),
        (S::Agent, O::Descending) => query.order(lower(instances::agent_name).desc().nulls_last()),
        (S::Created, O::Ascending) => query.order(instances::created_at.asc()),
        (S::Created, O::Descending) => query.order(instances::created_at.desc()),
        (S::Healthy, O::Ascending) => query.order(instances::last_healthy_at.asc().nulls_last()),
        (S::Healthy, O::Descending) => query.order(instances::last_healthy_at.desc().nulls_last()),
    }
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Makes the order of names case-insensitive.
    fn lower(text: Nullable<Text>) -> Nullable<Text>;
}

/// Escapes the wildcards of `LIKE`.
fn escape_pattern(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::db::Conn;

    use super::*;
    use crate::db::test_database::{fresh_conn, run};

    fn plain() -> Cipher {
        Cipher::read("KEY", None).unwrap()
    }

    /// Three instances, the first the oldest.
    async fn conn() -> Conn {
        let mut conn = fresh_conn().await;
        run(
            &mut conn,
            "INSERT INTO instances (id, name, status, url, agent_name, created_at, last_healthy_at,
                                    claimed_at, conversation_id, invite_url, tools)
             VALUES ('aaaaaaaaaaaa', 'convos-agent-aaaaaaaaaaaa', 'idle', 'https://one/', NULL,
                     now() - interval '3 h', now() - interval '9 s', NULL, NULL, NULL, NULL),
                    ('bbbbbbbbbbbb', 'convos-agent-bbbbbbbbbbbb', 'claimed', 'https://two/', 'Tulip 100%',
                     now() - interval '2 h', now(), now(), 'c', 'i', ARRAY['telnyx']),
                    ('cccccccccccc', 'convos-agent-cccccccccccc', 'claimed', 'https://three/', 'a_b',
                     now() - interval '1 h', NULL, now(), 'c', 'i', '{}')",
        )
        .await;
        conn
    }

    /// The first letters of the instances that are found.
    async fn found(conn: &mut Conn, filter: &InstanceFilter) -> String {
        let rows = load(conn, &plain(), filter, 0, 9).await.unwrap();
        let number = usize::try_from(count(conn, filter).await.unwrap()).unwrap();
        assert_eq!(rows.len(), number);
        rows.iter().map(|row| &row.view.id.as_str()[..1]).collect()
    }

    #[tokio::test]
    async fn a_text_is_found_in_id_agent_and_url_as_it_stands() {
        let mut conn = conn().await;
        for (text, expected) in [
            ("", "cba"),
            ("AAAA", "a"),
            ("tulip", "b"),
            ("https://t", "cb"),
            ("100%", "b"),
            ("%", "b"),
            ("a_b", "c"),
            ("_", "c"),
            ("\\", ""),
            ("' OR true --", ""),
            ("convos-agent", "cba"),
        ] {
            let text = text.to_owned();
            let filter = InstanceFilter {
                text: text.clone(),
                ..InstanceFilter::default()
            };
            assert_eq!(found(&mut conn, &filter).await, expected, "{text:?}");
        }
    }

    #[tokio::test]
    async fn every_order_has_its_opposite_and_what_is_unknown_comes_last() {
        let mut conn = conn().await;
        for (sort, ascending, descending) in [
            (Sort::Status, "bca", "abc"),
            (Sort::Name, "abc", "cba"),
            (Sort::Agent, "cba", "bca"),
            (Sort::Created, "abc", "cba"),
            (Sort::Healthy, "abc", "bac"),
        ] {
            for (order, expected) in [
                (Order::Ascending, ascending),
                (Order::Descending, descending),
            ] {
                let filter = InstanceFilter {
                    sort,
                    order,
                    ..InstanceFilter::default()
                };
                assert_eq!(found(&mut conn, &filter).await, expected, "{filter:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_status_and_a_page_narrow_it_down() {
        let mut conn = conn().await;
        let filter = InstanceFilter {
            status: Some(Status::Claimed),
            ..InstanceFilter::default()
        };
        assert_eq!(found(&mut conn, &filter).await, "cb");
        let second = load(&mut conn, &plain(), &filter, 1, 1).await.unwrap();
        assert_eq!(second[0].tools.as_deref(), Some(&["telnyx".to_owned()][..]));
        let id = &second[0].view.id;
        assert_eq!(
            find(&mut conn, &plain(), id).await.unwrap().as_ref(),
            Some(&second[0])
        );
        assert_eq!(
            find(&mut conn, &plain(), &InstanceId::generate())
                .await
                .unwrap(),
            None
        );
    }
}
