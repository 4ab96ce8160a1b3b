//! Fairness: the claim that has waited longest gets the next instance, even if new claims keep arriving.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::StatusCode;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::lab::Lab;
use crate::database::Database;
use crate::load;
use crate::report::{Figure, Report};
use crate::service::KEY;
use crate::standin::{Delays, StandIn};

/// Clients that claim continuously and do not wait.
const NEWCOMERS: u32 = 8;
const LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let waiters = lab.pick(5, 100);
    let delays = Delays {
        // Waiting claims cause creations, which must not complete before the measurement ends.
        create: LIMIT * 60,
        ..Delays::default()
    };
    let standin = StandIn::start(0, delays).await?;
    let (pool, database) = lab.pool("fairness", &standin.url, &[]).await?;
    let (served, mut turns) = mpsc::unbounded_channel();
    for number in 0..waiters {
        let (url, served) = (pool.url.join("api/pool/claim?wait=300")?, served.clone());
        tokio::spawn(async move {
            let claimed = claim(&url).await;
            // The measurement may have ended with an error.
            let _ = served.send((number, claimed));
        });
        until_waiting(&database, i64::from(number) + 1).await?;
    }
    let newcomers = Newcomers::start(&pool.url)?;
    let (mut out_of_turn, mut waits) = (0_u32, Vec::new());
    for turn in 0..waiters {
        let became_idle = Instant::now();
        database.add_idle(turn, &standin.url).await?;
        let next = timeout(LIMIT, turns.recv()).await;
        let (number, claimed) = next
            .context("no claim got the instance")?
            .context("claims")?;
        ensure!(claimed? == StatusCode::OK, "a waiting claim failed");
        out_of_turn += u32::from(number != turn);
        waits.push(load::milliseconds(became_idle.elapsed()));
    }
    let of = format!("of {waiters} waiting claims, beside {NEWCOMERS} clients that do not wait");
    let runs = vec![f64::from(out_of_turn)];
    report.add(Figure::new(
        format!("served out of turn, {of}"),
        "claims",
        runs,
    ));
    let runs = vec![f64::from(newcomers.stop())];
    report.add(Figure::new(
        format!("newcomers served first, {of}"),
        "claims",
        runs,
    ));
    report.add(Figure::new(
        "from an idle instance to the waiting claim that gets it",
        "ms",
        waits,
    ));
    Ok(())
}

async fn claim(url: &Url) -> anyhow::Result<StatusCode> {
    let request = load::http()?.post(url.clone()).bearer_auth(KEY);
    let request = request.header("content-type", "application/json");
    Ok(request.body("{}").send().await?.status())
}

async fn until_waiting(database: &Database, count: i64) -> anyhow::Result<()> {
    let deadline = Instant::now() + LIMIT;
    while database.waiting().await? < count {
        ensure!(Instant::now() < deadline, "claim {count} does not wait");
        sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// Clients that claim one after another, without waiting.
struct Newcomers {
    go_on: Arc<AtomicBool>,
    served: Arc<AtomicU32>,
}

impl Newcomers {
    fn start(pool: &Url) -> anyhow::Result<Self> {
        let (go_on, served) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let newcomers = Self { go_on, served };
        for _ in 0..NEWCOMERS {
            let url = pool.join("api/pool/claim")?;
            let (go_on, served) = (Arc::clone(&newcomers.go_on), Arc::clone(&newcomers.served));
            tokio::spawn(async move {
                while go_on.load(Ordering::Relaxed) {
                    let status = claim(&url).await;
                    let is_served = status.is_ok_and(|status| status.is_success());
                    served.fetch_add(u32::from(is_served), Ordering::Relaxed);
                }
            });
        }
        Ok(newcomers)
    }

    /// How many of their claims were served.
    fn stop(self) -> u32 {
        self.go_on.store(false, Ordering::Relaxed);
        self.served.load(Ordering::Relaxed)
    }
}
