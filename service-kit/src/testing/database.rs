//! A database for each test.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::settings::Environment;
use diesel_async::AsyncPgConnection;
use diesel_migrations::EmbeddedMigrations;
use tokio::sync::{Mutex, OnceCell};

use crate::db::connect::connect;
use crate::db::embedded::database::create;
use crate::db::embedded::{Data, Embedded, Options};
use crate::db::{DatabaseUrl, Db, migrate};
use crate::testing::eventually;

/// One cluster for all tests of the process. It ends with the process, which holds its pipe.
static CLUSTER: OnceCell<Embedded> = OnceCell::const_new();

/// The templates that are migrated. The guard is also held while one is copied, because Postgres does not copy a
/// database that has other sessions.
static TEMPLATES: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// A database of one test.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    url: DatabaseUrl,
}

impl TestDatabase {
    /// Its address.
    #[must_use]
    pub const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// A small pool of connections to it.
    #[must_use]
    pub fn db(&self) -> Db {
        Db::connect(&self.url, 10)
    }
}

/// A new database with `migrations` applied. The first of a process takes about a second, for the
/// cluster; each further one is a copy of the template called `template_key`.
///
/// # Panics
/// There is no PostgreSQL on this machine, or the migrations fail. Such a test must not pass.
pub async fn fresh_database(migrations: EmbeddedMigrations, template_key: &str) -> TestDatabase {
    let cluster = CLUSTER.get_or_init(start).await;
    let template = format!("template_{template_key}");
    let name = format!("test_{}", InstanceId::generate().as_str());
    let mut migrated = TEMPLATES.lock().await;
    if !migrated.contains(&template) {
        let url = cluster
            .database(&template)
            .await
            .expect("a template database");
        migrate(&url, migrations)
            .await
            .expect("migrations that apply");
        migrated.insert(template.clone());
    }
    let server = cluster.url("postgres");
    let mut conn = connect(&server).await.expect("the cluster answers");
    copy(&mut conn, &name, &template).await;
    TestDatabase {
        url: cluster.url(&name),
    }
}

/// The session that migrated a template ends a moment after it was dropped; until then Postgres does
/// not copy it.
async fn copy(conn: &mut AsyncPgConnection, name: &str, template: &str) {
    const WITHIN: Duration = Duration::from_secs(10);
    eventually("the template is free to be copied", WITHIN, async || {
        create(conn, name, Some(template)).await.is_ok()
    })
    .await;
}

async fn start() -> Embedded {
    let options = Options::new(Data::Temporary, &Environment::of_process());
    Embedded::start(options)
        .await
        .expect("a private Postgres cluster")
}
