//! `doctor`.

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::config::{Adoption, Task};
use agent_pool_service_kit::testing::original::{OLDER_POOL, original_database};
use agent_pool_stack::Service;
use serde_json::Value;

use crate::pooler::PgBouncer;
use crate::process::{Ran, run};
use crate::stack::{KEY, Pool, beside_other_sweeps, execute, shared};

/// The checks with this verdict, as `name: found`.
fn checks(ran: &Ran, verdict: &str) -> Vec<String> {
    let all = ran.json()["checks"].as_array().unwrap().clone();
    let text = |it: &Value, member: &str| it[member].as_str().unwrap_or_default().to_owned();
    let such = all.iter().filter(|it| it["verdict"] == verdict);
    such.map(|it| format!("{}: {}", text(it, "name"), text(it, "found")))
        .collect()
}

fn has(checks: &[String], text: &str) -> bool {
    checks.iter().any(|it| it.contains(text))
}

#[test]
fn doctor_passes_on_a_healthy_system() {
    let _sweeps = beside_other_sweeps();
    let pool = Pool::warm(1);
    let database = shared().pool_database();
    let mut variables: Vec<(&str, &str)> = shared()
        .settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    variables.extend(pool.variables());
    variables.push(("POOL_DATABASE_URL", database.as_secret().expose()));
    variables.push((
        "SERVICES_ENCRYPTION_KEY",
        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    ));
    let well = run(&variables, ["doctor"]).done();
    assert_eq!(
        (checks(&well, "fail"), checks(&well, "skip")),
        (vec![], vec![])
    );
    let ok = checks(&well, "ok");
    for found in [
        "pool-svc: complete",
        "services-svc: complete",
        "pool-svc: PostgreSQL ",
        "services-svc: PostgreSQL ",
        "Pool: answers at http",
        "Pool version: 0",
        "Services: answers at http",
        "Services version: 0",
        "railway: answers, and accepts the credentials",
        "openrouter: answers, and accepts the credentials",
        "agentmail: answers, and accepts the credentials",
    ] {
        assert!(has(&ok, found), "{found}: {ok:#?}");
    }
    assert!(!well.stdout.contains(KEY) && !well.stdout.contains(database.as_secret().expose()));
    let table = run(&variables, ["doctor", "--human"]).done().stdout;
    assert!(table.contains("✓ ok"), "{table}");
}

#[test]
fn every_fault_is_named_at_once_with_what_to_do() {
    let variables = [
        ("POOL_API_KEY", KEY),
        ("POOL_URL", "http://127.0.0.1:9"),
        ("SERVICES_URL", "http://127.0.0.1:9"),
        ("POOL_MIN_IDLE", "many"),
        ("TICK_INTERVAL_MS", "0"),
        ("POOL_DATABASE_URL", "postgres://u:hunter3@127.0.0.1:9/pool"),
        (
            "SERVICES_DATABASE_URL",
            "postgres://u:hunter3@127.0.0.1:9/pool",
        ),
        ("HEALTH_CONCURRENCY", "0"),
        ("SERVICES_ENCRYPTION_KEY", "hunter3"),
    ];
    let ill = run(&variables, ["doctor"]);
    assert_eq!(ill.code, 1);
    let failed = checks(&ill, "fail");
    for found in [
        "pool-svc: POOL_MIN_IDLE is \"many\"",
        "services-svc: HEALTH_CONCURRENCY is \"0\"",
        "services-svc: SERVICES_ENCRYPTION_KEY ",
        "infra: infra \"railway\" is not configured: RAILWAY_API_TOKEN is required",
        "tools: tool \"openrouter\" is not configured: OPENROUTER_MANAGEMENT_KEY is required",
        "both: POOL_DATABASE_URL and SERVICES_DATABASE_URL name the same database",
        "services-svc: the database cannot be reached",
        "Pool: Pool cannot be reached at http://127.0.0.1:9/",
        "Services: Services cannot be reached at http://127.0.0.1:9/",
    ] {
        assert!(has(&failed, found), "{found}: {failed:#?}");
    }
    assert!(!ill.stdout.contains("hunter"), "{}", ill.stdout);
    let output = run(&variables, ["doctor", "--human"]);
    assert_eq!(output.code, 1);
    assert!(
        output.stdout.contains("→ set POOL_MIN_IDLE"),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("failures"), "{}", output.stdout);
}

#[test]
fn a_vendor_that_refuses_the_credentials_here_is_reported() {
    let _sweeps = beside_other_sweeps();
    let pool = Pool::empty();
    let openrouter = shared().cloud.openrouter_url();
    let mut variables = pool.variables().to_vec();
    variables.push(("OPENROUTER_API_URL", &openrouter));
    variables.push(("OPENROUTER_MANAGEMENT_KEY", "sk-hunter3"));
    let ill = run(&variables, ["doctor"]);
    assert_eq!(ill.code, 1);
    let all = ill.json()["checks"].as_array().unwrap().clone();
    let from_here = |it: &&Value| it["area"] == "vendors, from here" && it["name"] == "openrouter";
    let check = all.iter().find(from_here).unwrap();
    assert_eq!(check["verdict"], "fail");
    assert!(
        check["todo"]
            .as_str()
            .unwrap()
            .contains("OPENROUTER_MANAGEMENT_KEY"),
        "{check}"
    );
    assert!(!ill.stdout.contains("hunter3"), "{}", ill.stdout);
}

#[test]
fn pending_migrations_are_reported_and_not_applied() {
    let _sweeps = beside_other_sweeps();
    let pool = Pool::empty();
    let empty = shared().services_database.as_secret().expose();
    let mut variables = pool.variables().to_vec();
    // The database of Services has none of the migrations of pool-svc, and some that it does not know.
    variables.push(("POOL_DATABASE_URL", empty));
    let output = run(&variables, ["doctor"]).done();
    let warned = checks(&output, "warn");
    assert!(has(&warned, "pool-svc: PostgreSQL "), "{warned:?}");
    assert!(has(&warned, "that this build does not know"), "{warned:?}");
}

#[test]
fn settings_of_another_machine_are_skipped() {
    let _sweeps = beside_other_sweeps();
    let pool = Pool::warm(1);
    let output = pool.run(&["doctor"]).done();
    let skipped = checks(&output, "skip");
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    let refused = run(
        &[
            ("POOL_URL", pool.url()),
            ("POOL_API_KEY", "wrong-key-0123456789"),
        ],
        ["doctor"],
    );
    assert!(
        has(&checks(&refused, "fail"), "Pool: the key is not accepted"),
        "{refused:?}"
    );
}

#[test]
fn doctor_reports_the_environment_without_secrets() {
    let variables = [
        ("POOL_API_KEY", KEY),
        ("POOL_URL", "http://127.0.0.1:9"),
        ("HOST", "x86_64-conda-linux-gnu"),
        ("HTTPS_PROXY", "http://ann:hunter3@127.0.0.1:9"),
        ("POOL_MIN_IDEL", "5"),
        ("TELNYX_CAMPAIN_ID", "C1"),
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("POOL_SVC_PORT", "tcp://10.0.0.7:3001"),
        ("POOL_TOOLS", "none"),
    ];
    let ran = run(&variables, ["doctor"]);
    let warned = checks(&ran, "warn");
    for found in [
        "HOST: \"x86_64-conda-linux-gnu\" is not an address",
        "POOL_MIN_IDEL: is set, but nothing reads it",
        "TELNYX_CAMPAIN_ID: is set, but nothing reads it",
        "ALL_PROXY: a proxy with the scheme socks5 is ignored",
        "POOL_SVC_PORT: was set by Kubernetes",
    ] {
        assert!(has(&warned, found), "{found}: {warned:#?}");
    }
    let failed = checks(&ran, "fail");
    assert!(
        has(
            &failed,
            "HTTPS_PROXY: the proxy at 127.0.0.1:9 cannot be reached"
        ),
        "{failed:#?}"
    );
    let ok = checks(&ran, "ok");
    assert!(has(&ok, "POOL_TOOLS: instances get no tools"), "{ok:#?}");
    assert!(
        ok.iter().any(|it| it.starts_with("descriptors: ")),
        "{ok:#?}"
    );
    assert!(!ran.stdout.contains("hunter"), "{}", ran.stdout);
    let text = run(&variables, ["doctor", "--human"]).stdout;
    assert!(text.contains("did you mean POOL_MIN_IDLE?"), "{text}");
}

/// Runs the check of this database as the database of pool-svc.
fn doctor_of(database: &str) -> Ran {
    let variables = [
        ("POOL_API_KEY", KEY),
        ("POOL_URL", "http://127.0.0.1:9"),
        ("POOL_DATABASE_URL", database),
    ];
    run(&variables, ["doctor"])
}

#[test]
fn a_database_that_cannot_hold_every_text_or_be_written_fails() {
    let database = shared().pool_database();
    let url = database.as_secret().expose();
    let (server, name) = url.rsplit_once('/').unwrap();
    let other = format!("{name}_ascii");
    execute(
        url,
        &format!(
            "CREATE DATABASE {other} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ),
    );
    let failed = checks(&doctor_of(&format!("{server}/{other}")), "fail");
    assert!(has(&failed, "pool-svc encoding: SQL_ASCII"), "{failed:#?}");

    execute(
        url,
        &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"),
    );
    let failed = checks(&doctor_of(url), "fail");
    assert!(
        has(&failed, "pool-svc writes: transactions are read-only"),
        "{failed:#?}"
    );
}

#[test]
fn a_database_of_the_original_is_to_be_adopted_and_what_is_skipped_is_named() {
    let row = "INSERT INTO instances (id, name, status) VALUES ('bad id', 'x', 'idle')";
    let original = shared().block_on(original_database(OLDER_POOL, row));
    let url = original.url().as_secret().expose();
    let failed = checks(&doctor_of(url), "fail");
    let found = "pool-svc: tables of the Node.js original are not adopted: instances";
    assert!(has(&failed, found), "{failed:#?}");

    let settings = Environment::from_iter([
        ("POOL_API_KEY", KEY),
        ("POOL_DATABASE_URL", url),
        ("SERVICES_URL", "http://127.0.0.1:9"),
    ]);
    let apply = Task::Adopt(Adoption::Apply);
    let adopted = Service::PoolSvc.perform(&settings, apply);
    shared().block_on(adopted).unwrap();
    let ran = doctor_of(url);
    let ok = checks(&ran, "ok");
    assert!(has(&ok, "pool-svc: 0 rows adopted on 20"), "{ok:#?}");
    let warned = checks(&ran, "warn");
    let left = "pool-svc: skipped: instances bad id: ";
    assert!(has(&warned, left), "{warned:#?}");
}

#[test]
fn the_direct_address_must_lead_past_the_pooler_to_the_same_database() {
    let (database, another) = (shared().pool_database(), shared().pool_database());
    let pooler = PgBouncer::start(database.as_secret().expose(), "transaction");
    let direct_is = |direct: &str| {
        let variables = [
            ("POOL_API_KEY", KEY),
            ("POOL_URL", "http://127.0.0.1:9"),
            ("POOL_DATABASE_URL", pooler.url.as_str()),
            ("POOL_DATABASE_DIRECT_URL", direct),
        ];
        run(&variables, ["doctor"])
    };
    let well = direct_is(database.as_secret().expose());
    let ok = checks(&well, "ok");
    assert!(
        has(&ok, "pool-svc direct: connects to the database itself"),
        "{ok:#?}"
    );
    let down = "postgres://u:hunter3@127.0.0.1:9/pool";
    for (direct, why) in [
        (down, "pool-svc direct: the database cannot be reached"),
        (another.as_secret().expose(), "leads to another database"),
        (
            &pooler.url,
            "leads to a connection pooler in transaction mode",
        ),
    ] {
        let ran = direct_is(direct);
        let failed = checks(&ran, "fail");
        assert!(has(&failed, why), "{why}: {failed:#?}");
        assert!(!ran.stdout.contains("hunter3"));
    }
}

#[test]
fn a_pooler_is_known_by_its_mode() {
    let database = shared().pool_database();
    for (mode, verdict) in [("session", "ok"), ("transaction", "warn")] {
        let pooler = PgBouncer::start(database.as_secret().expose(), mode);
        let ran = doctor_of(&pooler.url);
        let found = checks(&ran, verdict);
        let session = found.iter().any(|it| it.starts_with("pool-svc sessions: "));
        assert!(session, "{mode}: {ran:?}");
    }
}
