//! Databases of the Node.js original: whether they are adopted, and which rows were skipped.

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::adopt::{AdoptionRecord, AdoptionState, SkippedRow, inspect_adoption};
use agent_pool_service_kit::db::DatabaseUrl;
use agent_pool_service_kit::process::Service;

use super::check::Checks;
use super::databases::{POOL, SERVICES, address};
use super::settings::Here;
use crate::out::count_of;

const ORIGINAL: &str = "ORIGINAL_DATABASE_URL";

pub(super) async fn check(here: &Here, environment: &Environment) -> Checks {
    let mut checks = Checks::new("adoption");
    let pool = look::<pool_svc::Pool>(address(environment, POOL, here.pool));
    let services = look::<services_svc::App>(address(environment, SERVICES, here.services));
    let (pool, services) = tokio::join!(pool, services);
    let elsewhere = environment.get(ORIGINAL).is_some();
    report::<pool_svc::Pool>(&mut checks, pool, false);
    report::<services_svc::App>(&mut checks, services, elsewhere);
    checks
}

/// `None` where there is no address, or it cannot be reached, which is a failure of the databases.
async fn look<S: Service>(url: Option<DatabaseUrl>) -> Option<AdoptionState> {
    inspect_adoption(&url?, S::ORIGINAL_TABLES).await.ok()
}

/// `elsewhere`: whether the rows of the original come from another database.
fn report<S: Service>(checks: &mut Checks, state: Option<AdoptionState>, elsewhere: bool) {
    let name = S::NAME;
    let todo = format!("`{name} adopt` shows what it would do with them: see docs/moving-in.md");
    match state {
        None => {}
        Some(AdoptionState::NothingThere) if elsewhere => {
            let found = format!("{ORIGINAL} is set, and its tables are not adopted");
            checks.fail(name, found, &todo);
        }
        Some(AdoptionState::NothingThere) => {}
        Some(AdoptionState::Pending(tables)) => {
            let tables = tables.join(", ");
            let found = format!("tables of the Node.js original are not adopted: {tables}");
            checks.fail(name, found, &todo);
        }
        Some(AdoptionState::Complete(record)) => complete(checks, name, &record),
    }
}

fn complete(checks: &mut Checks, name: &str, record: &AdoptionRecord) {
    let AdoptionRecord {
        adopted_at,
        adopted,
        skipped,
    } = record;
    let day = adopted_at.format("%F");
    let rows = count_of(usize::try_from(*adopted).unwrap_or(usize::MAX), "row");
    checks.ok(name, format!("{rows} adopted on {day}"));
    if skipped.is_empty() {
        return;
    }
    let each = |SkippedRow { table, row, reason }: &SkippedRow| format!("{table} {row}: {reason}");
    let each: Vec<String> = skipped.iter().map(each).collect();
    let found = format!("skipped: {}", each.join("; "));
    let todo = "the pool does not manage these: destroy at their vendors what you do not need";
    checks.warn(name, found, todo);
}
