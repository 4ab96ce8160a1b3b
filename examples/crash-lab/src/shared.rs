//! Claims that arrive together share a statement, which one of them runs. The replica is killed before or after that
//! statement, so that all of the claims lose their server at once.
//!
//! Postgres is slowed down, so that claims gather while the first statement runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::calls::order;
use crate::interceptor::{Step, When};
use crate::lab::Lab;
use crate::label;
use crate::settings::Pacing;
use crate::system::System;
use agent_pool_stack::Service;

/// Claims at once.
const CLAIMS: u32 = 5;
/// The limit of everything.
const WITHIN: Duration = Duration::from_secs(60);
/// How long Services may still be busy with the requests of the killed replica.
const BUSY_FOR: Duration = Duration::from_secs(10);
/// Makes statements that update instances last long enough for claims to gather: those that record a claim longer than
/// those that take instances, so that all that were taken together are recorded together.
const SLOW_DOWN: &str = "
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
    CREATE FUNCTION dawdle_more() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END';
    CREATE TRIGGER dawdle BEFORE UPDATE ON instances
        FOR EACH STATEMENT EXECUTE FUNCTION dawdle();
    CREATE TRIGGER dawdle_more BEFORE UPDATE OF agent_name ON instances
        FOR EACH STATEMENT EXECUTE FUNCTION dawdle_more()";
const SPEED_UP: &str = "
    DROP TRIGGER dawdle ON instances; DROP TRIGGER dawdle_more ON instances";

/// The second statement of its kind is the shared one: the first claim is alone in the first.
const SHARED: u32 = 2;

/// Where the replica is killed.
#[derive(Debug, Clone, Copy)]
struct Kill {
    statement: Statement,
    when: When,
}

/// The two statements of a claim.
#[derive(Debug, Clone, Copy)]
enum Statement {
    Take,
    Record,
}

impl Statement {
    /// A longer beginning of the statement than in a label.
    const fn beginning(self) -> &'static str {
        match self {
            Self::Take => {
                "WITH moved AS (UPDATE instances SET status = 'claiming', \
                 lease_expires_at = now() + make_interval("
            }
            Self::Record => {
                "WITH moved AS (UPDATE instances AS i SET status = 'claimed', \
                 lease_expires_at = NULL, claimed_at = now()"
            }
        }
    }
}

impl Kill {
    fn step(self) -> anyhow::Result<Step> {
        let label = label::statement(self.statement.beginning());
        let label = label.context("a statement that changes something")?;
        Ok(Step { label, nth: SHARED })
    }

    /// The status of the instances of all claims that share the statement after the kill; `None` if the statement was
    /// never run.
    const fn leaves(self) -> Option<&'static str> {
        match (self.statement, self.when) {
            (Statement::Take, When::Before) => None,
            (Statement::Take, When::After) | (Statement::Record, When::Before) => Some("claiming"),
            (Statement::Record, When::After) => Some("claimed"),
        }
    }
}

const KILLS: [Kill; 4] = [
    Kill {
        statement: Statement::Take,
        when: When::Before,
    },
    Kill {
        statement: Statement::Take,
        when: When::After,
    },
    Kill {
        statement: Statement::Record,
        when: When::Before,
    },
    Kill {
        statement: Statement::Record,
        when: When::After,
    },
];

/// How many claims were answered before the replica died, at each kill.
#[derive(Debug)]
pub struct Report(Vec<(Kill, usize)>);

/// Runs every kill, each on a system of its own.
///
/// # Errors
/// A promise is broken, no statement was shared, or the lab itself fails.
pub async fn run(lab: &Arc<Lab>) -> anyhow::Result<Report> {
    let mut report = Vec::new();
    for kill in KILLS {
        let system = System::start(Arc::clone(lab), Pacing::QUIET, 1, 1).await?;
        let answered = kill_in_a_shared_statement(&system, kill).await;
        let answered = answered.map_err(|error| system.with_logs(&error));
        report.push((kill, answered.with_context(|| kill.to_string())?));
    }
    Ok(Report(report))
}

async fn kill_in_a_shared_statement(system: &System, kill: Kill) -> anyhow::Result<usize> {
    system.replenish(CLAIMS).await?;
    system.settle(Some(CLAIMS), WITHIN).await?;
    let rows = system.pool_database().await?;
    rows.execute(SLOW_DOWN).await?;
    let interceptor = &system.pools[0].interceptor;
    interceptor.set(kill.step()?, kill.when);
    let killed = async {
        let reached = timeout(WITHIN, interceptor.wait()).await;
        reached.context("no second statement")?;
        system.kill(Service::PoolSvc, 0).await
    };
    let (answered, killed) = tokio::join!(claim_together(system), killed);
    killed?;
    let answered = answered?;
    rows.execute(SPEED_UP).await?;
    if let Some(status) = kill.leaves() {
        let sql = format!("SELECT count(*) FROM instances WHERE status = '{status}'");
        let count = rows.number(&sql).await?;
        // One of them may be the first claim's.
        ensure!(count > 2, "no statement was shared: {count} are {status}");
    }
    system.expire_leases(Service::PoolSvc, BUSY_FOR).await?;
    system.restart(Service::PoolSvc, 0, Pacing::QUIET).await?;
    system.settle(None, WITHIN).await?;
    // Claims are still served.
    system.replenish(1).await?;
    system.settle(Some(1), WITHIN).await?;
    system.acknowledge(system.claim(&order("Later")?).await?);
    system.settle(None, WITHIN).await?;
    Ok(answered)
}

/// Sends concurrent claims. Returns how many were answered; after an error a client cannot know whether it has an
/// agent.
async fn claim_together(system: &System) -> anyhow::Result<usize> {
    let order = order("Tulip")?;
    let claims = (0..CLAIMS).map(|_| system.claim(&order));
    let claimed: Vec<_> = join_all(claims).await.into_iter().flatten().collect();
    let answered = claimed.len();
    for claim in claimed {
        system.acknowledge(claim);
    }
    Ok(answered)
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statement = match self.statement {
            Statement::Take => "takes",
            Statement::Record => "records",
        };
        write!(
            f,
            "killed {} the statement that {statement} for several claims",
            self.when
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kill, answered) in &self.0 {
            writeln!(f, "{kill}: {answered} of {CLAIMS} claims were answered")?;
        }
        Ok(())
    }
}
