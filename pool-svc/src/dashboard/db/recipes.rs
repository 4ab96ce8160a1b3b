//! The recipe of each pool, as far as Pool knows it without asking Services.

use std::collections::HashMap;

use agent_pool_service_kit::db::DbError;
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = Text)]
    recipe: String,
}

/// By pool: the recipe of its newest roll-out, or that of an instance whose creation began later.
pub(in crate::dashboard) async fn load(
    conn: &mut AsyncPgConnection,
) -> Result<HashMap<String, String>, DbError> {
    // Diesel has no DISTINCT ON over a union.
    let rows: Vec<Row> = sql_query(
        "SELECT DISTINCT ON (pool) pool, recipe FROM (
             SELECT pool, to_recipe AS recipe, begun_at AS at FROM rollouts
             UNION ALL
             SELECT pool, made_from, created_at FROM instances WHERE made_from IS NOT NULL) AS known
         ORDER BY pool, at DESC",
    )
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.pool, row.recipe)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::test_database::{fresh_conn, run};

    #[tokio::test]
    async fn the_newest_roll_out_or_instance_says_what_the_recipe_is() {
        let mut conn = fresh_conn().await;
        let mut recipe_after = async |statement: &str| {
            run(&mut conn, statement).await;
            load(&mut conn).await.unwrap().remove("default")
        };
        let instance = |id: &str, hash: &str, at: &str| {
            format!(
                "INSERT INTO instances (id, name, status, url, made_from, created_at)
                 VALUES ('{id}', '{id}', 'idle', 'http://h/', {hash}, now() {at})"
            )
        };
        let unknown = instance("aaaaaaaaaaaa", "NULL", "");
        assert_eq!(recipe_after(&unknown).await, None);
        let first = instance("bbbbbbbbbbbb", "'aaaaaaaaaaaaaaaa'", "- interval '1 h'");
        let is = |hash: &str| Some(hash.to_owned());
        assert_eq!(recipe_after(&first).await, is("aaaaaaaaaaaaaaaa"));
        let rollout = "INSERT INTO rollouts (pool, from_recipe, to_recipe, state)
                       VALUES ('default', 'aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb', 'stopped')";
        assert_eq!(recipe_after(rollout).await, is("bbbbbbbbbbbbbbbb"));
        let later = instance("cccccccccccc", "'cccccccccccccccc'", "+ interval '1 min'");
        assert_eq!(recipe_after(&later).await, is("cccccccccccccccc"));
    }
}
