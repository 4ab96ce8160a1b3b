//! Tests of a cluster from start to stop.

use agent_pool_service_kit::db::embedded::Embedded;
use agent_pool_service_kit::db::{DatabaseUrl, Db};
use agent_pool_service_kit::testing::eventually;
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use tempfile::TempDir;

use crate::support::{SOON, ask, data_of, is_gone, keep, postmaster, temporary};

#[tokio::test]
async fn a_temporary_cluster_leaves_nothing() {
    let cluster = Embedded::start(temporary()).await.unwrap();
    let data = data_of(&cluster).await;
    let server = postmaster(&data);
    assert!(!is_gone(server));
    cluster.stop().await;
    // It ends just after pg_ctl says so.
    eventually("the server is gone", SOON, async || is_gone(server)).await;
    assert!(!data.parent().unwrap().exists());
}

#[tokio::test]
async fn a_kept_cluster_has_its_data_in_the_next_run() {
    let folder = TempDir::new().unwrap();
    let cluster = Embedded::start(keep(folder.path())).await.unwrap();
    let url = cluster.database("pool").await.unwrap();
    let mut conn = Db::connect(&url, 1).conn().await.unwrap();
    sql_query("CREATE TABLE words AS SELECT 'kept' AS word")
        .execute(&mut conn)
        .await
        .unwrap();
    drop(conn);
    drop(cluster);
    let cluster = Embedded::start(keep(folder.path())).await.unwrap();
    let url = cluster.database("pool").await.unwrap();
    assert_eq!(ask(&url, "SELECT word FROM words").await, "kept");
}

#[tokio::test]
async fn a_database_is_made_once_however_many_ask_for_it() {
    let cluster = Embedded::start(temporary()).await.unwrap();
    let (one, other) = tokio::join!(cluster.database("a b\"c"), cluster.database("pool"));
    assert!(one.is_ok() && other.is_ok());
    let (one, other) = tokio::join!(cluster.database("twice"), cluster.database("twice"));
    assert_eq!(one.unwrap(), other.unwrap());
}

#[tokio::test]
async fn a_service_owns_its_database_is_no_superuser_and_reaches_no_other_service() {
    let cluster = Embedded::start(temporary()).await.unwrap();
    let superuser = cluster.database("pool").await.unwrap();
    let run = async |url: &DatabaseUrl, statement: &str| {
        let mut conn = Db::connect(url, 1).conn().await.ok()?;
        sql_query(statement).execute(&mut conn).await.ok()
    };
    let made_before = "CREATE TABLE words (id bigserial PRIMARY KEY, word text)";
    run(&superuser, made_before).await.unwrap();
    let [pool, services] = ["pool", "services"].map(|name| cluster.owned_database(name));
    let (pool, services) = (pool.await.unwrap(), services.await.unwrap());
    let is_super = "SELECT rolsuper::text AS word FROM pg_roles WHERE rolname = current_user";
    for url in [&pool, &services] {
        assert_eq!(ask(url, is_super).await, "false");
    }
    for statement in [
        "ALTER TABLE words ADD COLUMN n int",
        "INSERT INTO words (word) VALUES ('x')",
        "CREATE TABLE more (n int)",
    ] {
        assert!(run(&pool, statement).await.is_some(), "{statement}");
    }
    assert!(run(&pool, "CREATE ROLE other").await.is_none());
    let foreign = services.as_secret().expose().replace("/services", "/pool");
    let foreign = DatabaseUrl::try_from(foreign).unwrap();
    assert!(run(&foreign, "SELECT 1").await.is_none());
    let again = cluster.owned_database("pool").await.unwrap();
    assert_eq!(ask(&again, "SELECT word FROM words").await, "x");
}
