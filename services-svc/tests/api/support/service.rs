//! A services-svc for one test, in this process.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use agent_pool_core::registry::{Registry, ToolRegistration};
use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::Conn;
use agent_pool_service_kit::http_server::Bound;
use agent_pool_service_kit::process::Service as _;
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::supervisor::Supervisor;
use agent_pool_service_kit::testing::{TestDatabase, fresh_database};
use reqwest::Method;
use serde_json::{Value, json};
use services_svc::{App, Config, MIGRATIONS, PATHS, routes};

use super::instances::Instances;
use super::providers::{INFRA, TOOLS, WORLD};
use super::{Answer, World, statements};

pub(crate) const KEY: &str = "test-key-0123456789";

/// A running service with its database and its vendors.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) world: Arc<World>,
    pub(crate) instances: Arc<Instances>,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    environment: Environment,
    more: &'static [ToolRegistration],
    database: TestDatabase,
}

/// The instance id that ends in `number`.
pub(crate) fn id(number: usize) -> String {
    format!("instance{number:04}")
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With further settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::with_tools(&[], settings).await
    }

    /// With further tools and settings.
    pub(crate) async fn with_tools(
        more: &'static [ToolRegistration],
        settings: &[(&str, &str)],
    ) -> Self {
        let instances = Instances::start().await;
        let world = World::new(&instances.url);
        Self::among(world, instances, more, settings).await
    }

    /// Another deployment, which shares the accounts at the vendors.
    pub(crate) async fn beside(&self, settings: &[(&str, &str)]) -> Self {
        let (world, instances) = (self.world.clone(), self.instances.clone());
        Self::among(world, instances, self.more, settings).await
    }

    async fn among(
        world: Arc<World>,
        instances: Arc<Instances>,
        more: &'static [ToolRegistration],
        settings: &[(&str, &str)],
    ) -> Self {
        statements::install();
        let database = fresh_database(MIGRATIONS, "services").await;
        let key = instances.url.clone();
        let database_url = database.url().as_secret().expose().to_owned();
        let base = [
            (WORLD, key.as_str()),
            ("POOL_API_KEY", "test-key-0123456789, old-key-0123456789"),
            ("SERVICES_DATABASE_URL", &database_url),
            ("INFRA_PROVIDER", "cellar"),
            ("INSTANCE_ENV_REGION", "north"),
            ("INSTANCE_WAIT_MS", "50"),
            // After its first run at the start, the recovery leaves alone what a test takes for interrupted.
            ("INSTANCE_LEASE_MS", "600000"),
            ("ALLOWED_IMAGES", "runtime:1"),
            ("STATUS_LIST_MAX_AGE_MS", "0"),
            ("ALPHA_MAX_ATTEMPTS", "1"),
            ("BETA_MAX_ATTEMPTS", "1"),
            ("CELLAR_MAX_ATTEMPTS", "1"),
        ];
        let environment: Environment = base.into_iter().chain(settings.iter().copied()).collect();
        Self {
            world,
            instances,
            url: serve(&environment, more, &database).await,
            client: agent_pool_core::http::bare_builder()
                .no_proxy()
                .build()
                .unwrap(),
            environment,
            more,
            database,
        }
    }

    /// The address of a second replica on the same database and vendors.
    pub(crate) async fn replica(&self) -> String {
        serve(&self.environment, self.more, &self.database).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string())).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        self.send_with(KEY, method, path, body).await
    }

    /// Like [`Self::send`], with another key.
    pub(crate) async fn send_with(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Answer {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = request.bearer_auth(key).body(body.unwrap_or_default());
        Answer::read(request.send().await.unwrap()).await
    }

    /// The address of another replica on the same database and vendors, with other settings.
    pub(crate) async fn replica_with(&self, settings: &[(&str, &str)]) -> String {
        let mut environment = self.environment.clone();
        for (name, value) in settings {
            environment.set(*name, *value);
        }
        serve(&environment, self.more, &self.database).await
    }

    /// Requests an instance with these tools.
    pub(crate) async fn create(&self, id: &str, tools: &[&str]) -> Answer {
        self.post("/create-instance", creation(id, tools)).await
    }

    pub(crate) async fn conn(&self) -> Conn {
        self.database.db().conn().await.unwrap()
    }

    /// The number that a query returns.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        #[derive(diesel::QueryableByName)]
        struct Number {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            number: i64,
        }
        let query = diesel::sql_query(format!("SELECT ({query})::bigint AS number"));
        let mut conn = self.conn().await;
        let row: Number = diesel_async::RunQueryDsl::get_result(query, &mut conn)
            .await
            .unwrap();
        row.number
    }

    /// The text that a query returns.
    pub(crate) async fn text(&self, query: &str) -> String {
        #[derive(diesel::QueryableByName)]
        struct Text {
            #[diesel(sql_type = diesel::sql_types::Text)]
            text: String,
        }
        let query = diesel::sql_query(format!("SELECT ({query}) AS text"));
        let mut conn = self.conn().await;
        let row: Text = diesel_async::RunQueryDsl::get_result(query, &mut conn)
            .await
            .unwrap();
        row.text
    }

    /// Number of rows of instances and of tools.
    pub(crate) async fn rows(&self) -> (i64, i64) {
        let count = async |table| self.number(&format!("SELECT count(*) FROM {table}")).await;
        (
            count("instance_infra").await,
            count("instance_services").await,
        )
    }

    pub(crate) async fn execute(&self, statement: &str) {
        let mut conn = self.conn().await;
        let query = diesel::sql_query(statement);
        diesel_async::RunQueryDsl::execute(query, &mut conn)
            .await
            .unwrap();
    }
}

pub(crate) fn creation(id: &str, tools: &[&str]) -> Value {
    json!({ "instanceId": id, "name": format!("convos-agent-{id}"), "tools": tools,
            "image": "runtime:1", "variables": { "COLOUR": "red" } })
}

async fn serve(
    environment: &Environment,
    more: &[ToolRegistration],
    database: &TestDatabase,
) -> String {
    let tools = TOOLS.into_iter().chain(more.iter().copied());
    let registry = Registry::from_registrations(tools, INFRA, environment).unwrap();
    let config = Config::read(environment, &registry).unwrap();
    let supervisor = Supervisor::new(Shutdown::new());
    let app = App::new(config, registry, database.db(), supervisor).unwrap();
    let bound = Bound::on(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await.unwrap();
    let url = format!("http://{}", bound.address());
    app.start();
    tokio::spawn(bound.serve(routes(app), PATHS, Shutdown::new()));
    url
}
