//! Five instances from nothing to idle, on the real services-svc with slow vendors, against their longest chain.

use std::time::Duration;

use mock_provider as _;
use tokio::time::Instant;

use super::{Lab, until};
use crate::load;
use crate::report::{Figure, Report};
use crate::service::Process;
use crate::standin::{Delays, StandIn};

const INSTANCES: i64 = 5;
/// What the mock vendor takes for each call.
const CALL: Duration = Duration::from_millis(100);
/// Create or provision, then configure: one after the other, whatever else is done at the same time.
const CHAIN: u32 = 2;
const LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let runtimes = StandIn::start(0, Delays::default()).await?;
    let mut runs = Vec::new();
    for run in 0..lab.runs() {
        let database = lab.server.database(&format!("warm_services_{run}")).await?;
        let slow = CALL.as_millis().to_string();
        let services = Process::start(
            "services-svc",
            &[
                ("SERVICES_DATABASE_URL", database.url.to_string()),
                ("INFRA_PROVIDER", "mock".to_owned()),
                (
                    "MOCK_INSTANCE_URL",
                    runtimes.url.join("runtime/x")?.to_string(),
                ),
                ("MOCK_LATENCY_MS", slow),
            ],
        )
        .await?;
        let settings = [
            ("POOL_MIN_IDLE", INSTANCES.to_string()),
            ("POOL_TOOLS", "mock".to_owned()),
        ];
        let started = Instant::now();
        let (_pool, database) = lab
            .pool(&format!("warm_{run}"), &services.url, &settings)
            .await?;
        until(&database, "idle", INSTANCES, LIMIT).await?;
        runs.push(load::milliseconds(started.elapsed()));
    }
    let figure = Figure::new(
        "start of pool-svc to 5 idle, 100 ms a vendor call",
        "ms",
        runs,
    );
    report.add(figure.against(load::milliseconds(CALL * CHAIN)));
    Ok(())
}
