//! Warm-up of an empty pool: both services with the real providers, on fakes of the four vendors that delay each call.

use std::time::Duration;

use fake_cloud::{FakeCloud, Latency, Options, Pace, Vendor};
use tokio::time::Instant;
use url::Url;
use {
    provider_agentmail as _, provider_openrouter as _, provider_railway as _, provider_telnyx as _,
};

use super::lab::{Lab, until};
use crate::load;
use crate::report::{Figure, Report};
use crate::service::{KEY, Process};

const INSTANCES: i64 = 5;
const VENDORS: [Vendor; 4] = [
    Vendor::Railway,
    Vendor::OpenRouter,
    Vendor::AgentMail,
    Vendor::Telnyx,
];
/// The longest chain of calls of one instance: a number is ordered and set up in six, and then everything is configured
/// in one.
const CHAIN: u32 = 7;
const LIMIT: Duration = Duration::from_secs(60);

/// The results of one run.
struct Run {
    /// From the start of pool-svc until all are idle.
    all: f64,
    /// One more instance, in an account that is already set up.
    one: f64,
    /// As many more at once, from the request until all are idle.
    more: f64,
    /// The calls for that one.
    calls: f64,
}

pub(super) async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let call = Duration::from_millis(lab.pick(1, 100));
    let mut runs = Vec::new();
    for run in 0..lab.runs() {
        runs.push(warm_up(lab, run, call).await?);
    }
    let all = |value: fn(&Run) -> f64| runs.iter().map(value).collect::<Vec<f64>>();
    let least = load::milliseconds(call * CHAIN);
    let name = format!("start of pool-svc to {INSTANCES} idle, {call:?} per vendor call");
    report.add(Figure::new(name, "ms", all(|run| run.all)).against(least));
    let name = format!("one more instance until it is idle, {call:?} per vendor call");
    report.add(Figure::new(name, "ms", all(|run| run.one)).against(least));
    let name = format!("{INSTANCES} more at once until they are idle, {call:?} per vendor call");
    report.add(Figure::new(name, "ms", all(|run| run.more)).against(least));
    report.add(Figure::new(
        "vendor calls of that instance",
        "calls",
        all(|run| run.calls),
    ));
    Ok(())
}

async fn warm_up(lab: &Lab, run: usize, call: Duration) -> anyhow::Result<Run> {
    let cloud = FakeCloud::start(vendors(call)).await?;
    let database = lab.server.database(&format!("warm_services_{run}")).await?;
    let mut settings = cloud.settings();
    settings.push(("SERVICES_DATABASE_URL", database.url.to_string()));
    settings.push(("SWEEP_INTERVAL_MS", "0".to_owned()));
    let services = Process::start("services-svc", &settings).await?;
    let settings = [
        ("POOL_MIN_IDLE", INSTANCES.to_string()),
        ("POOL_TOOLS", "openrouter,agentmail,telnyx".to_owned()),
    ];
    let started = Instant::now();
    let name = format!("warm_{run}");
    let (pool, database) = lab.pool(&name, &services.url, &settings).await?;
    until(&database, "idle", INSTANCES, LIMIT).await?;
    let all = load::milliseconds(started.elapsed());
    let calls = calls(&cloud);
    let started = Instant::now();
    create(&pool.url, 1).await?;
    until(&database, "idle", INSTANCES + 1, LIMIT).await?;
    let one = load::milliseconds(started.elapsed());
    let calls = calls_since(&cloud, calls);
    let started = Instant::now();
    create(&pool.url, INSTANCES).await?;
    until(&database, "idle", 2 * INSTANCES + 1, LIMIT).await?;
    Ok(Run {
        all,
        one,
        more: load::milliseconds(started.elapsed()),
        calls,
    })
}

/// Deployments and orders complete at once, so that only our calls are measured.
fn vendors(call: Duration) -> Options {
    let base_ms = u64::try_from(call.as_millis()).unwrap_or(u64::MAX);
    let mut options = Options {
        latency: Latency {
            base_ms,
            jitter_ms: 0,
        },
        ..Options::default()
    };
    options.railway.stage_pace = Pace::AT_ONCE;
    options.telnyx.order_pace = Pace::AT_ONCE;
    options.telnyx.messaging_pace = Pace::AT_ONCE;
    options
}

async fn create(pool: &Url, count: i64) -> anyhow::Result<()> {
    let request = load::http()?.post(pool.join("api/pool/replenish")?);
    let request = request.bearer_auth(KEY);
    let request = request.header("content-type", "application/json");
    let body = format!(r#"{{"count":{count}}}"#);
    let response = request.body(body).send().await?;
    response.error_for_status()?;
    Ok(())
}

fn calls(cloud: &FakeCloud) -> u64 {
    VENDORS.iter().map(|vendor| cloud.calls_of(*vendor)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "some tens of calls")]
fn calls_since(cloud: &FakeCloud, before: u64) -> f64 {
    (calls(cloud) - before) as f64
}
