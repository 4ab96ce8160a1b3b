//! `kill -9` of services-svc at every step of a creation and a destruction, with instances as containers of a real
//! engine.
//!
//! There is no Pool: a caller without an answer destroys the instance, as Pool does. Then none of its resources may be
//! left, neither on the engine nor in the database.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_client::{Http, Services};
use agent_pool_core::settings::Environment;
use agent_pool_core::wire::services::CreateInstanceRequest;
use agent_pool_core::{EnvVars, InfraOptions, InstanceId, Secret};
use agent_pool_engine::{Engine, Image, USER};
use agent_pool_stack::{Log, Process, Service};
use anyhow::{Context as _, bail, ensure};
use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::interceptor::{Interceptor, Step, When};
use crate::lab::Lab;
use crate::matrix::Outcome;
use crate::pg_proxy::PgProxy;
use crate::rows::Database;
use crate::settings::{ENCRYPTION_KEY, KEY};
use crate::socket_proxy::SocketProxy;

const IMAGE: &str = "localhost/crash-lab:1";
/// Long enough for a machine that is also building something else.
const GONE_WITHIN: Duration = Duration::from_secs(90);
const QUIET: Duration = Duration::from_millis(300);
const POLL: Duration = Duration::from_millis(100);

/// The operation during which the service is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Destroy,
}

/// The options of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The number of systems at the same time.
    pub at_once: usize,
    /// Only the kills around requests to the engine that change something, instead of every step.
    pub only_changes: bool,
}

/// One kill and its outcome.
#[derive(Debug)]
pub struct Row {
    operation: Operation,
    step: Step,
    when: When,
    outcome: Outcome,
}

/// Every kill.
#[derive(Debug)]
pub struct Report(Vec<Row>);

impl Report {
    /// The number of kills that broke a promise.
    #[must_use]
    pub fn broken(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Broken(_)))
    }

    /// The number of kills after which the promises held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.count(|outcome| *outcome == Outcome::Held)
    }

    fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.0.iter().filter(|row| is(&row.outcome)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.0 {
            let (outcome, why) = match &row.outcome {
                Outcome::Held => ("held", ""),
                Outcome::NotTaken => ("not taken", ""),
                Outcome::Broken(why) => ("BROKEN", why.as_str()),
            };
            let operation = format!("{:?}", row.operation).to_lowercase();
            writeln!(
                f,
                "{operation:<8} | {:<6} | {outcome:<9} | {} {why}",
                row.when, row.step
            )?;
        }
        let (held, broken) = (self.held(), self.broken());
        let rest = self.0.len() - held - broken;
        write!(f, "{held} held, {broken} broken, {rest} not taken")
    }
}

/// Kills at every step.
///
/// # Errors
/// There is no engine, or an operation does not work undisturbed.
pub async fn run(lab: &Arc<Lab>, plan: Plan) -> anyhow::Result<Report> {
    let engine = Arc::new(Engine::private().await?);
    engine
        .import(
            &Image::from_program("/bin/sleep".as_ref(), &["100000"])?,
            IMAGE,
        )
        .await?;
    let mut kills = Vec::new();
    for operation in [Operation::Create, Operation::Destroy] {
        let world = World::start(lab, &engine).await?;
        let steps = world.watch(operation).await;
        for step in steps.with_context(|| format!("{operation:?} fails undisturbed"))? {
            let changes = step.label.starts_with("docker ") && !step.only_reads();
            if changes || !plan.only_changes {
                kills.push((operation, step.clone(), When::Before));
            }
            if changes || (!plan.only_changes && !step.only_reads()) {
                kills.push((operation, step, When::After));
            }
        }
    }
    let rows = kills.into_iter().map(|(operation, step, when)| {
        let (lab, engine) = (Arc::clone(lab), Arc::clone(&engine));
        async move {
            let outcome = match kill(&lab, &engine, operation, &step, when).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::Broken(format!("{error:#}")),
            };
            Row {
                operation,
                step,
                when,
                outcome,
            }
        }
    });
    let rows: Vec<_> = rows.collect();
    Ok(Report(
        stream::iter(rows).buffered(plan.at_once).collect().await,
    ))
}

async fn kill(
    lab: &Lab,
    engine: &Engine,
    operation: Operation,
    step: &Step,
    when: When,
) -> anyhow::Result<Outcome> {
    let mut world = World::start(lab, engine).await?;
    let id = world.begin(operation).await?;
    world.interceptor.set(step.clone(), when);
    world.act(operation, &id).await.ok();
    world.interceptor.quiet(QUIET).await;
    if !world.interceptor.triggered() {
        return Ok(Outcome::NotTaken);
    }
    world.restart(lab).await?;
    world.destroyed(&id).await?;
    Ok(Outcome::Held)
}

/// A services-svc behind its proxies, with its own database.
struct World<'a> {
    engine: &'a Engine,
    http: Http,
    interceptor: Arc<Interceptor>,
    settings: Environment,
    process: Process,
    rows: Database,
    log: PathBuf,
    _proxies: (PgProxy, SocketProxy),
    _folder: TempDir,
}

impl<'a> World<'a> {
    async fn start(lab: &Lab, engine: &'a Engine) -> anyhow::Result<Self> {
        let podman = engine.podman().context("the engine is private")?;
        let folder = tempfile::Builder::new().prefix("crash-lab-").tempdir()?;
        let interceptor = Arc::new(Interceptor::default());
        let socket = folder.path().join("engine.sock");
        let to_engine = SocketProxy::open(Arc::clone(&interceptor), podman.socket(), &socket)?;
        let database = lab.database(Service::ServicesSvc).await?;
        let to_rows = PgProxy::open(Arc::clone(&interceptor), lab.upstream()).await?;
        let url = lab.database_url(&database, Some(to_rows.port()))?;
        // Two labs with the same environment name on one engine would treat each other's instances as foreign.
        let environment = format!("lab-{}", &database[..8]);
        let settings = settings(environment, url, &socket.display());
        let log = folder.path().join("services.log");
        let process = start(lab, &settings, &log, &interceptor).await?;
        Ok(Self {
            engine,
            http: Http::new("crash-lab")?,
            interceptor,
            settings,
            process,
            rows: Database::connect(&lab.database_url(&database, None)?).await?,
            log,
            _proxies: (to_rows, to_engine),
            _folder: folder,
        })
    }

    /// Starts the service again after a kill, with expired leases.
    async fn restart(&mut self, lab: &Lab) -> anyhow::Result<()> {
        let expire = "UPDATE instance_leases SET leased_until = now() - interval '1 s'";
        self.rows.execute(expire).await?;
        self.process = start(lab, &self.settings, &self.log, &self.interceptor).await?;
        Ok(())
    }

    fn api(&self) -> Services {
        Services::new(&self.http, self.process.url().clone(), Secret::new(KEY))
    }

    /// An instance in its state before the operation.
    async fn begin(&self, operation: Operation) -> anyhow::Result<InstanceId> {
        let id = InstanceId::generate();
        if operation == Operation::Destroy {
            self.act(Operation::Create, &id).await?;
        }
        self.interceptor.quiet(QUIET).await;
        Ok(id)
    }

    async fn act(&self, operation: Operation, id: &InstanceId) -> anyhow::Result<()> {
        match operation {
            Operation::Create => {
                let request = CreateInstanceRequest {
                    infra: None,
                    instance_id: id.clone(),
                    name: format!("crash-lab-{id}"),
                    tools: Vec::new(),
                    image: None,
                    infra_options: InfraOptions::new(),
                    variables: EnvVars::new(),
                };
                self.api().create(&request).await.map(drop)?;
            }
            Operation::Destroy => self.api().destroy(id).await.map(drop)?,
        }
        Ok(())
    }

    /// An undisturbed run, and its steps.
    async fn watch(&self, operation: Operation) -> anyhow::Result<Vec<Step>> {
        let id = self.begin(operation).await?;
        self.interceptor.record();
        self.act(operation, &id).await?;
        self.interceptor.quiet(QUIET).await;
        let steps = self.interceptor.end();
        if operation == Operation::Create {
            ensure!(
                self.held(&id)?.len() == 3,
                "unexpected resources of an instance: {:?}",
                self.held(&id)?
            );
        }
        self.destroyed(&id).await?;
        Ok(steps)
    }

    /// The resources of an instance on the engine.
    fn held(&self, id: &InstanceId) -> anyhow::Result<Vec<String>> {
        let podman = self.engine.podman().context("the engine is private")?;
        let mut held = Vec::new();
        for list in [
            &["ps", "--all", "--format", "{{.Names}}"][..],
            &["volume", "ls", "--format", "{{.Name}}"],
            &["network", "ls", "--format", "{{.Name}}"],
        ] {
            let names = podman.run(list)?;
            let ours = names.lines().filter(|name| name.contains(id.as_str()));
            held.extend(ours.map(str::to_owned));
        }
        Ok(held)
    }

    /// Destroys the instance, repeatedly if needed, until none of its resources is left.
    async fn destroyed(&self, id: &InstanceId) -> anyhow::Result<()> {
        let deadline = Instant::now() + GONE_WITHIN;
        loop {
            let asked = self.act(Operation::Destroy, id).await;
            let rows = format!("SELECT count(*) FROM instance_infra WHERE instance_id = '{id}'");
            let (rows, held) = (self.rows.number(&rows).await?, self.held(id)?);
            if asked.is_ok() && rows == 0 && held.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let tail = log.len().saturating_sub(4_000);
                let tail = log.get(tail..).unwrap_or_default();
                bail!("left: {rows} rows, {held:?} ({asked:?})\n{tail}");
            }
            sleep(POLL).await;
        }
    }
}

async fn start(
    lab: &Lab,
    settings: &Environment,
    log: &std::path::Path,
    interceptor: &Interceptor,
) -> anyhow::Result<Process> {
    let log = Log::Append(log.to_owned());
    let process = Process::start(&[lab.exe()], Service::ServicesSvc, settings, log).await?;
    interceptor.watch(process.pid().context("it has just started")?);
    Ok(process)
}

fn settings(environment: String, database: String, socket: &dyn fmt::Display) -> Environment {
    let (user, group) = USER;
    Environment::from_iter([
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", "0".to_owned()),
        ("POOL_API_KEY", KEY.to_owned()),
        ("POOL_ENVIRONMENT", environment),
        ("SERVICES_DATABASE_URL", database),
        ("SERVICES_ENCRYPTION_KEY", ENCRYPTION_KEY.to_owned()),
        ("SWEEP_INTERVAL_MS", "0".to_owned()),
        ("INFRA_PROVIDER", "docker".to_owned()),
        ("DOCKER_HOST", format!("unix://{socket}")),
        ("DOCKER_IMAGE", IMAGE.to_owned()),
        ("DOCKER_PULL", "never".to_owned()),
        ("DOCKER_STOP_GRACE_MS", "0".to_owned()),
        ("DOCKER_USER", format!("{user}:{group}")),
    ])
}
