//! A pool on its own database, with a fake of Services and the runtimes.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::Db;
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::supervisor::Supervisor;
use agent_pool_service_kit::testing::{TestDatabase, eventually, fresh_database};
use diesel::sql_types::{Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use pool_svc::{App, Config, MIGRATIONS, PATHS, Pool, routes};
use serde_json::Value;

use crate::fake::{Fake, KEY, Op};

/// How long a state may take to come. The machine may be busy.
pub(crate) const SOON: Duration = Duration::from_mins(1);

pub(crate) struct World {
    pub(crate) fake: Fake,
    pub(crate) database: TestDatabase,
    pub(crate) db: Db,
    pub(crate) replica: Replica,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        let body = &self.body;
        assert_eq!((self.status, self.code()), (status, code), "{body}");
    }
}

#[derive(QueryableByName)]
struct One {
    #[diesel(sql_type = Nullable<Text>)]
    it: Option<String>,
}

pub(crate) fn settings(
    database: &TestDatabase,
    services: &str,
    more: &[(&str, &str)],
) -> Environment {
    let mut all = Environment::from_iter([
        ("PORT", "0"),
        ("HOST", "127.0.0.1"),
        ("POOL_API_KEY", KEY),
        ("POOL_MIN_IDLE", "0"),
        ("POOL_TOOLS", "none"),
        ("TICK_INTERVAL_MS", "3600000"),
    ]);
    all.set("POOL_DATABASE_URL", database.url().as_secret().expose());
    all.set("SERVICES_URL", services);
    for (name, value) in more {
        all.set(*name, *value);
    }
    all
}

impl World {
    /// A pool that does not tick on its own, and keeps nothing idle by default.
    pub(crate) async fn new(more: &[(&str, &str)]) -> Self {
        let fake = Fake::start().await;
        let services = fake.url.clone();
        Self::with(fake, &services, more).await
    }

    pub(crate) async fn with(fake: Fake, services: &str, more: &[(&str, &str)]) -> Self {
        let database = fresh_database(MIGRATIONS, "pool").await;
        Self::on(database, fake, services, more).await
    }

    /// On an existing database.
    pub(crate) async fn on(
        database: TestDatabase,
        fake: Fake,
        services: &str,
        more: &[(&str, &str)],
    ) -> Self {
        let replica = Replica::start(&settings(&database, services, more)).await;
        let url = replica.url.clone();
        let http = agent_pool_core::http::bare_builder()
            .no_proxy()
            .build()
            .unwrap();
        let db = database.db();
        Self {
            fake,
            database,
            db,
            replica,
            url,
            http,
        }
    }

    /// `count` instances that are idle in Pool and healthy in the fake.
    pub(crate) async fn idle(&self, count: usize) -> Vec<InstanceId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let id = InstanceId::generate();
            self.fake.add(&id);
            self.insert(&id, "idle", "NULL").await;
            ids.push(id);
        }
        ids
    }

    /// A row in any status, with the columns that this status needs; `lease` is SQL.
    pub(crate) async fn insert(&self, id: &InstanceId, status: &str, lease: &str) {
        let url = self.fake.runtime_url(id);
        self.sql(&format!(
            "INSERT INTO instances (id, name, status, url, lease_expires_at, claimed_at,
                                    conversation_id, invite_url, last_healthy_at)
             VALUES ('{id}', 'convos-agent-{id}', '{status}',
                     CASE WHEN '{status}' <> 'starting' OR {lease} IS NULL THEN '{url}' END,
                     {lease}, now(), 'c', 'i', now())"
        ))
        .await;
    }

    pub(crate) async fn sql(&self, statement: &str) {
        let mut conn = self.db.conn().await.unwrap();
        sql_query(statement).execute(&mut conn).await.unwrap();
    }

    /// One text of the database; `it` is its name in the query.
    pub(crate) async fn ask(&self, query: &str) -> Option<String> {
        let mut conn = self.db.conn().await.unwrap();
        let rows: Vec<One> = sql_query(query).load(&mut conn).await.unwrap();
        rows.into_iter().next().and_then(|row| row.it)
    }

    pub(crate) async fn status(&self, id: &InstanceId) -> Option<String> {
        self.ask(&format!(
            "SELECT status AS it FROM instances WHERE id = '{id}'"
        ))
        .await
    }

    /// How many instances are in this status.
    pub(crate) async fn count(&self, status: &str) -> usize {
        let count = format!("SELECT count(*)::text AS it FROM instances WHERE status = '{status}'");
        self.ask(&count).await.unwrap().parse().unwrap()
    }

    pub(crate) async fn until_count(&self, status: &str, number: usize) {
        let what = format!("{number} are {status}");
        eventually(&what, SOON, async || self.count(status).await == number).await;
    }

    pub(crate) async fn until(&self, id: &InstanceId, status: Option<&str>) {
        let what = format!("{id} is {status:?}");
        eventually(&what, SOON, async || {
            self.status(id).await.as_deref() == status
        })
        .await;
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let method = method.parse().unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url));
        answer(request.bearer_auth(KEY).body(body.to_owned())).await
    }

    /// Creates instances. Returns their ids.
    pub(crate) async fn replenish(&self, count: usize) -> Vec<InstanceId> {
        let body = format!(r#"{{"count": {count}}}"#);
        let begun = self.send("POST", "/api/pool/replenish", &body).await;
        serde_json::from_value(begun.body["instanceIds"].clone()).unwrap()
    }

    /// Waits until the fake has received `times` requests of this kind.
    pub(crate) async fn asked(&self, op: Op, times: usize) {
        let what = format!("{op:?}, {times} times");
        eventually(&what, SOON, async || self.fake.times(op) == times).await;
    }

    pub(crate) async fn claim(&self, body: &str) -> Answer {
        self.send("POST", "/api/pool/claim", body).await
    }

    /// A claim of whichever replica listens at `base`; `query` may be empty.
    pub(crate) fn claim_at(
        &self,
        base: &str,
        query: &str,
        key: Option<&str>,
        body: &str,
    ) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{base}/api/pool/claim{query}"));
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        request.bearer_auth(KEY).body(body.to_owned())
    }

    pub(crate) async fn tick(&self) -> Value {
        let answer = self.send("POST", "/api/pool/reconcile", "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}

/// Sends a request. Fails without an answer after a time that no test needs.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let request = request.timeout(Duration::from_mins(3));
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer {
        status,
        headers,
        body,
    }
}

/// A pool in this process.
pub(crate) struct Replica {
    pub(crate) pool: Pool,
    pub(crate) tasks: Supervisor,
    pub(crate) url: String,
}

impl Replica {
    /// A replica that serves waiting claims, and ticks only on request.
    pub(crate) async fn start(environment: &Environment) -> Self {
        use agent_pool_service_kit::http_server::Bound;
        let config = Config::from_env(environment).unwrap();
        let bound = Bound::listen(&config.http.host, 0).await.unwrap();
        let url = format!("http://{}", bound.address());
        let db = Db::connect(&config.pool.pool_database_url, 16);
        let tasks = Supervisor::new(Shutdown::new());
        let pool = Pool::new(App::new(config, db).unwrap(), tasks.clone());
        pool.keep_serving();
        tokio::spawn(bound.serve(routes(pool.clone()), PATHS, Shutdown::new()));
        Self { pool, tasks, url }
    }
}

/// The URL of another pool with the same settings.
pub(crate) async fn replica(environment: &Environment) -> String {
    Replica::start(environment).await.url
}
