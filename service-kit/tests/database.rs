//! Tests of the pool, migrations and locks, on a real Postgres.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use agent_pool_service_kit::db::lock::ReplicaLock;
use agent_pool_service_kit::db::{
    DatabaseUrl, Db, DbError, Migrated, inspect, migrate, migrate_until,
};
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::testing::{TestDatabase, eventually, fresh_database};
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");
const NO_MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/no_migrations");
const SOON: Duration = Duration::from_secs(10);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn count(db: &Db, query: &str) -> Result<i64, DbError> {
    let mut conn = db.conn().await?;
    let Count { count } = sql_query(query).get_result(&mut conn).await?;
    Ok(count)
}

async fn migrated() -> TestDatabase {
    fresh_database(MIGRATIONS, "items").await
}

#[tokio::test]
async fn an_inspection_reports_pending_migrations_and_changes_nothing() {
    let database = fresh_database(NO_MIGRATIONS, "empty").await;
    for _ in 0..2 {
        let before = inspect(database.url(), MIGRATIONS).await.unwrap();
        assert_eq!(before.pending.len(), 2, "{before:?}");
        assert!(before.pending[0].ends_with("_create_items"), "{before:?}");
    }
    migrate(database.url(), MIGRATIONS).await.unwrap();
    let after = inspect(database.url(), MIGRATIONS).await.unwrap();
    assert!(
        after.pending.is_empty() && after.unknown.is_empty(),
        "{after:?}"
    );
    assert!(after.server_version.parse::<f32>().is_ok(), "{after:?}");
    let older_build = inspect(database.url(), NO_MIGRATIONS).await.unwrap();
    assert_eq!(older_build.unknown.len(), 2, "{older_build:?}");
}

/// Ends every other session of the database, as a failing server or network would.
async fn end_sessions(db: &Db) {
    let query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    count(db, query).await.unwrap();
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let (one, other) = tokio::join!(migrated(), migrated());
    let insert = "WITH i AS (INSERT INTO items VALUES (1, 'x') RETURNING 1) SELECT count(*) FROM i";
    count(&one.db(), insert).await.unwrap();
    let items = async |database: &TestDatabase| {
        count(&database.db(), "SELECT count(*) FROM items")
            .await
            .unwrap()
    };
    assert_eq!((items(&one).await, items(&other).await), (1, 0));
}

#[tokio::test]
async fn replicas_that_migrate_at_once_migrate_once() {
    let database = fresh_database(NO_MIGRATIONS, "empty").await;
    let replicas = [(); 4].map(|()| {
        let url = database.url().clone();
        tokio::spawn(async move { migrate(&url, MIGRATIONS).await })
    });
    for replica in replicas {
        replica.await.unwrap().unwrap();
    }
    let applied = "SELECT count(*) FROM __diesel_schema_migrations";
    assert_eq!(count(&database.db(), applied).await.unwrap(), 2);
}

#[tokio::test]
async fn waiting_for_another_replica_to_migrate_ends_at_shutdown() {
    let database = migrated().await;
    let lock = ReplicaLock::try_take(database.url(), "agent-pool migrations").await;
    let _held = lock.unwrap().expect("nobody else migrates");
    let shutdown = Shutdown::new();
    let waiting = tokio::spawn({
        let (url, shutdown) = (database.url().clone(), shutdown.clone());
        async move { migrate_until(&url, MIGRATIONS, &shutdown).await }
    });
    shutdown.trigger();
    assert_eq!(waiting.await.unwrap().unwrap(), Migrated::Interrupted);
}

#[tokio::test]
async fn a_database_that_cannot_store_every_text_is_refused() {
    let database = migrated().await;
    let url = database.url().as_secret().expose();
    let (server, name) = url.rsplit_once('/').unwrap();
    let ascii = format!("{name}_ascii");
    let create = format!(
        "CREATE DATABASE {ascii} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    );
    let mut conn = database.db().conn().await.unwrap();
    sql_query(create).execute(&mut conn).await.unwrap();
    let ascii = DatabaseUrl::try_from(format!("{server}/{ascii}")).unwrap();
    let error = agent_pool_core::chain(&migrate(&ascii, MIGRATIONS).await.unwrap_err());
    assert!(error.contains("its encoding is SQL_ASCII"), "{error}");
}

/// A session keeps the setting that it started with, as a session stays on a primary that was demoted.
async fn set_read_only(database: &TestDatabase, on: bool) {
    let name = database
        .url()
        .as_secret()
        .expose()
        .rsplit_once('/')
        .unwrap()
        .1;
    let change = if on {
        "SET default_transaction_read_only = on"
    } else {
        "RESET ALL"
    };
    let mut conn = database.db().conn().await.unwrap();
    let alter = format!("BEGIN READ WRITE; ALTER DATABASE {name} {change}; COMMIT");
    conn.batch_execute(&alter).await.unwrap();
}

#[tokio::test]
async fn a_session_that_meets_a_read_only_server_is_replaced() {
    let database = migrated().await;
    set_read_only(&database, true).await;
    let db = Db::connect(database.url(), 1);
    let write = "WITH i AS (INSERT INTO items VALUES (1, 'x') RETURNING 1) SELECT count(*) FROM i";
    let error = count(&db, write).await.unwrap_err();
    assert!(matches!(error, DbError::Unwritable(_)), "{error:?}");
    assert!(error.is_transient());
    set_read_only(&database, false).await;
    assert_eq!(count(&db, write).await.unwrap(), 1);
}

#[tokio::test]
async fn a_lock_has_one_holder_until_it_is_released() {
    let database = migrated().await;
    let take = |name| ReplicaLock::try_take(database.url(), name);
    let held = take("tick").await.unwrap().expect("nobody else has it");
    assert!(take("tick").await.unwrap().is_none());
    assert!(
        take("sweep").await.unwrap().is_some(),
        "another name is another lock"
    );
    assert!(held.is_held().await);
    held.release().await;
    assert!(take("tick").await.unwrap().is_some());
}

#[tokio::test]
async fn a_dropped_lock_is_free() {
    let database = migrated().await;
    let take = || ReplicaLock::try_take(database.url(), "tick");
    drop(take().await.unwrap().expect("nobody else has it"));
    eventually("the lock is free", SOON, async || {
        take().await.unwrap().is_some()
    })
    .await;
}

#[tokio::test]
async fn a_lock_ends_with_its_session_and_its_holder_sees_it() {
    let database = migrated().await;
    let lost = ReplicaLock::try_take(database.url(), "tick")
        .await
        .unwrap()
        .unwrap();
    end_sessions(&database.db()).await;
    eventually("the holder sees it", SOON, async || !lost.is_held().await).await;
    // The server tells the holder before it has released the lock.
    let mut next = None;
    eventually("the lock is free", SOON, async || {
        next = ReplicaLock::try_take(database.url(), "tick").await.unwrap();
        next.is_some()
    })
    .await;
    assert!(next.is_some_and(|lock| format!("{lock:?}").contains("tick")));
}

#[tokio::test]
async fn the_pool_recovers_from_lost_connections() {
    let database = migrated().await;
    let db = database.db();
    assert_eq!(count(&db, "SELECT 1::int8 AS count").await.unwrap(), 1);
    end_sessions(&database.db()).await;
    eventually("the pool serves again", SOON, async || {
        match count(&db, "SELECT 1::int8 AS count").await {
            Ok(_) => true,
            Err(error) if error.is_transient() => false,
            Err(error) => panic!("a lost connection is transient, this is not: {error:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_statement_cut_by_the_server_is_transient() {
    let database = migrated().await;
    let mut conn = database.db().conn().await.unwrap();
    let sleeping = tokio::spawn(async move {
        let slept = sql_query("SELECT pg_sleep(600)").execute(&mut conn).await;
        DbError::from(slept.unwrap_err())
    });
    let killer = database.db();
    let asleep = "SELECT count(*) FROM pg_stat_activity \
                  WHERE datname = current_database() AND wait_event = 'PgSleep'";
    eventually("it sleeps", SOON, async || {
        count(&killer, asleep).await.unwrap() == 1
    })
    .await;
    end_sessions(&killer).await;
    let error = sleeping.await.unwrap();
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn a_refused_statement_is_not_transient() {
    let database = migrated().await;
    let error = count(&database.db(), "SELECT count(*) FROM nowhere")
        .await
        .unwrap_err();
    assert!(matches!(error, DbError::Query(_)) && !error.is_transient());
}

#[tokio::test]
async fn a_database_that_is_down_is_an_error_that_shows_no_password() {
    // Bound and not listening: it refuses connections, and nobody else gets the port.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = closed.local_addr().unwrap().port();
    let url = format!("postgres://pool:hunter2@127.0.0.1:{port}/pool");
    let db = Db::connect(&url.try_into().unwrap(), 2);
    let error = db.conn().await.err().unwrap();
    assert!(matches!(error, DbError::Unreachable(_)));
    let shown = format!("{error:?} {} {db:?}", agent_pool_core::chain(&error));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://pool:hunter2@127.0.0.1:{port}/pool");
    let db = Db::connect(&url.try_into().unwrap(), 2);
    tokio::time::pause();
    assert!(db.conn().await.err().unwrap().is_transient());
}

#[tokio::test]
async fn a_caller_does_not_wait_for_ever_for_a_connection() {
    let database = migrated().await;
    let db = Db::connect(database.url(), 1);
    let mut only = db.conn().await.unwrap();
    tokio::time::pause();
    assert!(matches!(
        db.conn().await.err().unwrap(),
        DbError::Exhausted(_)
    ));
    tokio::time::resume();
    sql_query("SELECT $1")
        .bind::<Text, _>("x")
        .execute(&mut only)
        .await
        .unwrap();
    drop(only);
    assert!(db.conn().await.is_ok());
}
