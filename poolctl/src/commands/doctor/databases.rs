//! The databases: whether they can be reached and written, whether there is a pooler, and the state of their schemas.

use agent_pool_core::chain;
use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::{DatabaseUrl, Inspection, inspect};

use super::check::Checks;
use super::settings::Here;
use crate::out::{count_of, list_of};

pub(super) const POOL: &str = "POOL_DATABASE_URL";
pub(super) const SERVICES: &str = "SERVICES_DATABASE_URL";
const POOL_DIRECT: &str = "POOL_DATABASE_DIRECT_URL";
const SERVICES_DIRECT: &str = "SERVICES_DATABASE_DIRECT_URL";

pub(super) async fn check(here: &Here, environment: &Environment) -> Checks {
    let mut checks = Checks::new("databases");
    let of = |variable, wanted| address(environment, variable, wanted);
    let (pool, services) = (of(POOL, here.pool), of(SERVICES, here.services));
    if pool.is_some() && pool == services {
        let found = format!("{POOL} and {SERVICES} name the same database");
        checks.fail("both", found, "give each service its own database");
    }
    let look = async |url: &Option<DatabaseUrl>, migrations| match url {
        Some(url) => Some(
            inspect(url, migrations)
                .await
                .map_err(|error| chain(&error)),
        ),
        None => None,
    };
    let pool_direct = of(POOL_DIRECT, here.pool);
    let services_direct = of(SERVICES_DIRECT, here.services);
    let (pool, pool_direct, services, services_direct) = tokio::join!(
        look(&pool, pool_svc::MIGRATIONS),
        look(&pool_direct, pool_svc::MIGRATIONS),
        look(&services, services_svc::MIGRATIONS),
        look(&services_direct, services_svc::MIGRATIONS),
    );
    for (service, variable, looked, direct) in [
        (
            "pool-svc",
            POOL,
            pool,
            pool_direct.map(|it| (POOL_DIRECT, it)),
        ),
        (
            "services-svc",
            SERVICES,
            services,
            services_direct.map(|it| (SERVICES_DIRECT, it)),
        ),
    ] {
        let usual = looked.as_ref().and_then(|it| it.as_ref().ok());
        if let Some((variable, found)) = direct {
            direct_address(&mut checks, service, variable, found, usual);
        }
        match looked {
            None => {}
            Some(Ok(found)) => schema(&mut checks, service, &found),
            Some(Err(why)) => {
                let todo = format!(
                    "check {variable}: is the server running, and are host, user, password and name correct?"
                );
                checks.fail(service, why, &todo);
            }
        }
    }
    checks
}

/// The address in a variable, if it is wanted. A malformed one is reported as a fault of the settings.
pub(super) fn address(
    environment: &Environment,
    variable: &str,
    wanted: bool,
) -> Option<DatabaseUrl> {
    let text = environment.get(variable).filter(|_| wanted);
    text.and_then(|text| DatabaseUrl::try_from(text.to_owned()).ok())
}

/// The address of the database itself: it must lead past the pooler, to the same database.
fn direct_address(
    checks: &mut Checks,
    service: &str,
    variable: &str,
    found: Result<Inspection, String>,
    usual: Option<&Inspection>,
) {
    let name = format!("{service} direct");
    match found {
        Err(why) => {
            let todo = format!("check {variable}: migrations, locks and notifications use it");
            checks.fail(&name, why, &todo);
        }
        Ok(direct) if usual.is_some_and(|usual| usual.identity != direct.identity) => {
            let found = format!("{variable} leads to another database than the main address");
            checks.fail(
                &name,
                found,
                "set both to the same database on the same server",
            );
        }
        Ok(direct) if !direct.keeps_session => {
            let found = format!("{variable} leads to a connection pooler in transaction mode");
            checks.fail(&name, found, "set it to the address of the server itself");
        }
        Ok(_) => checks.ok(&name, "connects to the database itself"),
    }
}

/// A larger difference makes times in logs and on pages misleading, and eventually breaks TLS.
const CLOCK_LIMIT_MS: i64 = 5_000;

fn schema(checks: &mut Checks, service: &str, found: &Inspection) {
    let server = format!("PostgreSQL {}", found.server_version);
    if !found.unknown.is_empty() {
        let newer = count_of(found.unknown.len(), "migration");
        let found = format!("{server}, with {newer} that this build does not know");
        checks.warn(
            service,
            found,
            "a newer version has migrated it: run that version",
        );
    } else if !found.pending.is_empty() {
        let pending = count_of(found.pending.len(), "migration");
        let found = format!("{server}, {pending} pending: {}", list_of(&found.pending));
        checks.warn(
            service,
            found,
            &format!("they are applied at the next start of {service}"),
        );
    } else {
        checks.ok(service, format!("{server}, up to date"));
    }
    server_state(checks, service, found);
}

/// Everything but the schema.
fn server_state(checks: &mut Checks, service: &str, found: &Inspection) {
    let name = |what: &str| format!("{service} {what}");
    if found.encoding == "UTF8" {
        checks.ok(&name("encoding"), "UTF8");
    } else {
        let todo = "create a database WITH ENCODING 'UTF8' TEMPLATE template0, and move the data";
        let found = format!("{}, which cannot store every text", found.encoding);
        checks.fail(&name("encoding"), found, todo);
    }
    match &found.write_obstacle {
        None => checks.ok(&name("writes"), "allowed"),
        Some(why) => {
            let todo = "use the primary, and a role that owns the database";
            checks.fail(&name("writes"), why, todo);
        }
    }
    if found.keeps_session {
        checks.ok(&name("sessions"), "each connection keeps its session");
    } else {
        let todo = "see docs/operations.md: enable prepared statements in the pooler, and set the \
                    …_DATABASE_DIRECT_URL to the server itself";
        let found = "behind a connection pooler in transaction mode: notifications do not arrive, and prepared \
                     statements work only if the pooler supports them";
        checks.warn(&name("sessions"), found, todo);
    }
    let ahead = found.clock_ahead_ms;
    let seconds = ahead.unsigned_abs() / 1_000;
    if ahead.abs() <= CLOCK_LIMIT_MS {
        checks.ok(
            &name("clock"),
            format!("within {} s of ours", CLOCK_LIMIT_MS / 1_000),
        );
    } else {
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        let found = format!("the server's clock is {seconds} s {side} ours");
        checks.warn(&name("clock"), found, "synchronise both machines by NTP");
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_reported_with_its_side() {
        let clock = |ahead: i64| {
            let found = Inspection {
                server_version: "17.2".to_owned(),
                identity: "pool/1".to_owned(),
                encoding: "UTF8".to_owned(),
                write_obstacle: None,
                clock_ahead_ms: ahead,
                keeps_session: true,
                pending: Vec::new(),
                unknown: Vec::new(),
            };
            let mut checks = Checks::new("databases");
            server_state(&mut checks, "pool-svc", &found);
            let clock = checks.into_vec().pop().unwrap();
            (clock.verdict, clock.found)
        };
        assert_eq!(clock(-4_000).0, Verdict::Ok);
        let (verdict, found) = clock(-90_000);
        assert_eq!(verdict, Verdict::Warn);
        assert!(found.contains("90 s behind ours"), "{found}");
        assert!(clock(90_000).1.contains("90 s ahead of ours"));
    }
}
