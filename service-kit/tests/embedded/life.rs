//! From start to stop.

use agent_pool_service_kit::db::Db;
use agent_pool_service_kit::db::embedded::Embedded;
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use tempfile::TempDir;

use crate::support::{ask, data_of, is_gone, keep, postmaster, temporary};

#[tokio::test]
async fn a_temporary_cluster_leaves_nothing() {
    let cluster = Embedded::start(temporary()).await.unwrap();
    let data = data_of(&cluster).await;
    let server = postmaster(&data);
    assert!(!is_gone(server));
    cluster.stop().await;
    assert!(is_gone(server), "server {server} is still there");
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
