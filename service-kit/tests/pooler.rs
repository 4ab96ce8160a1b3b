//! Tests with a real PgBouncer in front of a real Postgres.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_service_kit::db::{DatabaseSettings, DatabaseUrl, Db, inspect};
use agent_pool_service_kit::testing::{TestDatabase, eventually, fresh_database};
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use tokio::task::JoinSet;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");
const SOON: Duration = Duration::from_secs(20);

/// A PgBouncer that ends with the test.
struct PgBouncer {
    process: Child,
    url: DatabaseUrl,
    _folder: tempfile::TempDir,
}

impl PgBouncer {
    async fn start(database: &TestDatabase, pool_mode: &str) -> Self {
        let target = database.url().as_secret().expose().to_owned();
        let target: tokio_postgres::Config = target.parse().unwrap();
        let name = target.get_dbname().unwrap().to_owned();
        let password = String::from_utf8(target.get_password().unwrap_or(b"x").to_vec()).unwrap();
        let user = target.get_user().unwrap().to_owned();
        let address = own_address();
        let (host, port) = (address.ip(), address.port());
        let folder = tempfile::tempdir().unwrap();
        let users = folder.path().join("users.txt");
        fs::write(&users, format!("\"{user}\" \"{password}\"\n")).unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n{name} = host=127.0.0.1 port={} dbname={name} user={user} password={password}\n\
             [pgbouncer]\nlisten_addr = {host}\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = plain\nauth_file = {}\npool_mode = {pool_mode}\nmax_client_conn = 100\n\
             default_pool_size = 10\n",
            target.get_ports()[0],
            users.display(),
        );
        fs::write(&settings, text).unwrap();
        for path in [folder.path(), &users, &settings] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        // PgBouncer refuses root.
        let process = Command::new("/usr/sbin/pgbouncer")
            .args(["-q", "-u", "postgres"])
            .arg(&settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pgbouncer, a package of Debian");
        let url = format!("postgres://{user}:{password}@{address}/{name}");
        let url = DatabaseUrl::try_from(url).unwrap();
        eventually("PgBouncer answers", SOON, async || {
            std::net::TcpStream::connect(address).is_ok()
        })
        .await;
        Self {
            process,
            url,
            _folder: folder,
        }
    }

    fn settings(&self, direct: Option<&TestDatabase>) -> DatabaseSettings {
        DatabaseSettings {
            url: self.url.clone(),
            direct_url: direct.map(|direct| direct.url().clone()),
            max_connections: 4,
            original_url: None,
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that nobody else takes before PgBouncer listens on it, because all others use 127.0.0.1.
fn own_address() -> SocketAddr {
    let id = InstanceId::generate();
    let random = id.as_str().as_bytes();
    let host = Ipv4Addr::new(127, random[0], random[1], random[2]);
    let free = std::net::TcpListener::bind((host, 0)).unwrap();
    free.local_addr().unwrap()
}

/// Uses statements, a lock and notifications as the services do.
async fn works(db: &Db) {
    for _ in 0..5 {
        let mut conn = db.conn().await.unwrap();
        let bound = sql_query("SELECT $1").bind::<diesel::sql_types::Text, _>("x");
        bound.execute(&mut conn).await.unwrap();
    }
    let lock = db.lock("tick").await.unwrap().expect("nobody has it");
    assert!(db.lock("tick").await.unwrap().is_none());
    lock.release().await;
    assert!(db.listener().await.unwrap().is_some());
}

#[tokio::test]
async fn a_pooler_in_session_mode_works() {
    let database = fresh_database(MIGRATIONS, "items").await;
    let pooler = PgBouncer::start(&database, "session").await;
    works(&Db::open(&pooler.settings(None).route().await.unwrap())).await;
}

#[tokio::test]
async fn a_pooler_that_loses_statements_is_refused_with_the_reason() {
    let database = fresh_database(MIGRATIONS, "items").await;
    let pooler = PgBouncer::start(&database, "transaction").await;
    let error = pooler.settings(None).route().await.unwrap_err();
    let shown = agent_pool_core::chain(&error);
    assert!(shown.contains("max_prepared_statements"), "{shown}");
    assert!(shown.contains("_DATABASE_DIRECT_URL"), "{shown}");
}

#[tokio::test]
async fn a_direct_address_works_around_a_pooler_that_loses_statements() {
    let database = fresh_database(MIGRATIONS, "items").await;
    let pooler = PgBouncer::start(&database, "transaction").await;
    works(&Db::open(
        &pooler.settings(Some(&database)).route().await.unwrap(),
    ))
    .await;
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_recognised_beside_other_clients() {
    use tokio_postgres::NoTls;
    let database = fresh_database(MIGRATIONS, "items").await;
    let pooler = PgBouncer::start(&database, "transaction").await;
    let url = pooler.url.as_secret().expose();
    let mut others = JoinSet::new();
    for _ in 0..4 {
        let (other, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        others.spawn(async move {
            let using = async { while other.batch_execute("SELECT 1").await.is_ok() {} };
            tokio::select! {
                () = using => {}
                _ = connection => {}
            }
        });
    }
    for attempt in 1..=20 {
        let found = inspect(&pooler.url, MIGRATIONS).await.unwrap();
        assert!(!found.keeps_session, "attempt {attempt}");
    }
}

/// A lock works through the pooler alone, because it belongs to a transaction.
#[tokio::test]
async fn a_lock_holds_behind_a_pooler_in_transaction_mode() {
    use tokio_postgres::NoTls;
    let database = fresh_database(MIGRATIONS, "items").await;
    let pooler = PgBouncer::start(&database, "transaction").await;
    let url = pooler.url.as_secret().expose();
    let (holder, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let driven = tokio::spawn(connection);
    let take = "SELECT pg_try_advisory_xact_lock(1)";
    holder
        .batch_execute(&format!("BEGIN; {take}"))
        .await
        .unwrap();
    let (other, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let other_driven = tokio::spawn(connection);
    let taken = other.simple_query(take).await.unwrap();
    let refused = taken.iter().any(|row| {
        matches!(row, tokio_postgres::SimpleQueryMessage::Row(row) if row.get(0) == Some("f"))
    });
    assert!(refused, "{taken:?}");
    driven.abort();
    other_driven.abort();
}
