//! `pool-svc adopt`: the database of the Node.js original becomes ours.

use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::TestDatabase;
use agent_pool_service_kit::testing::original::{NEWER, OLDER_POOL, original_database};
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::fake::{Fake, KEY};
use crate::process::binary;
use crate::world::World;

const SEALING: (&str, &str) = (
    "POOL_ENCRYPTION_KEY",
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
);

/// Runs the binary with `arguments` on a database of the original. Returns whether it succeeded, and its output.
async fn run(database: &TestDatabase, fake: &Fake, arguments: &[&str]) -> (bool, String) {
    let output = binary()
        .args(arguments)
        .env("PORT", "0")
        .env("POOL_API_KEY", KEY)
        .env("SERVICES_URL", &fake.url)
        .env("POOL_DATABASE_URL", database.url().as_secret().expose())
        .envs([SEALING])
        .output()
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let said = text(output.stdout) + &text(output.stderr);
    (output.status.success(), said)
}

/// All rows of the table of the original, as text.
async fn older_rows_of(database: &TestDatabase) -> String {
    #[derive(QueryableByName)]
    struct Rows {
        #[diesel(sql_type = Text)]
        rows: String,
    }
    let query = "SELECT string_agg(t::text, ' ' ORDER BY id) AS rows FROM instances AS t";
    let mut conn = database.db().conn().await.unwrap();
    let rows: Rows = diesel::sql_query(query)
        .get_result(&mut conn)
        .await
        .unwrap();
    rows.rows
}

/// Adopts it, and starts a pool on it.
async fn adopted(database: TestDatabase, fake: Fake) -> World {
    let (done, said) = run(&database, &fake, &["adopt", "--apply"]).await;
    assert!(done && said.contains("Done."), "{said}");
    let services = fake.url.clone();
    World::on(database, fake, &services, &[SEALING]).await
}

fn new_ids<const N: usize>() -> [InstanceId; N] {
    std::array::from_fn(|_| InstanceId::generate())
}

/// The rows of an older original: one instance of each kind.
fn older_rows(
    fake: &Fake,
    [claimed, waiting, idle, lost, unreachable]: &[InstanceId; 5],
) -> String {
    let url = |id: &InstanceId| fake.runtime_url(id);
    format!(
        "INSERT INTO instances (id, name, url, status, agent_name, conversation_id, invite_url, instructions, claimed_at)
         VALUES ('{claimed}', 'convos-agent-{claimed}', '{}', 'claimed', 'Tulip', 'c-1', 'https://chat/whispered', 'whispered', now()),
                ('{waiting}', 'convos-agent-{waiting}', '{}', 'pending_acceptance', 'Rose', NULL, NULL, 'x', NULL),
                ('{idle}', 'convos-agent-{idle}', '{}', 'idle', NULL, NULL, NULL, NULL, NULL),
                ('{lost}', 'convos-agent-{lost}', NULL, 'starting', NULL, NULL, NULL, NULL, NULL),
                ('{unreachable}', 'convos-agent-{unreachable}', NULL, 'claimed', 'Lily', 'c-2', 'i', 'x', now()),
                ('bad id', 'convos-agent-bad', NULL, 'idle', NULL, NULL, NULL, NULL, NULL)",
        url(claimed), url(waiting), url(idle),
    )
}

#[tokio::test]
async fn an_adoption_is_shown_first_and_a_start_before_it_is_refused() {
    let fake = Fake::start().await;
    let ids = new_ids();
    let database = original_database(OLDER_POOL, &older_rows(&fake, &ids)).await;
    let (started, said) = run(&database, &fake, &[]).await;
    assert!(
        !started && said.contains("`pool-svc adopt` shows"),
        "{said}"
    );

    let (done, said) = run(&database, &fake, &["adopt"]).await;
    for line in [
        "Tables of the original in schema public:",
        "  instances: 6 rows",
        "  1 instances that are claimed with an agent: they are claimed",
        "  1 instances that are pending_acceptance with an agent: they are claimed",
        "  1 instances that are idle: they are idle",
        "  1 instances that are starting: they are destroyed",
        "but its URL is unknown",
        "  instances bad id: ",
        "Nothing is changed.",
    ] {
        assert!(done && said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("whispered"), "{said}");
    let (started, _) = run(&database, &fake, &[]).await;
    assert!(!started, "the preview changed nothing");
}

#[tokio::test]
async fn a_claimed_agent_stays_one_and_an_idle_instance_is_claimed() {
    let fake = Fake::start().await;
    let ids = new_ids();
    let [claimed, waiting, idle, lost, unreachable] = &ids;
    for id in [claimed, waiting, idle, lost] {
        fake.add(id);
    }
    let database = original_database(OLDER_POOL, &older_rows(&fake, &ids)).await;
    let world = adopted(database, fake).await;

    let agents = world.send("GET", "/api/pool/agents", "").await.body;
    let agents = agents["claimed"].as_array().unwrap();
    assert_eq!(agents.len(), 2, "{agents:?}");
    let tulip = agents.iter().find(|agent| agent["id"] == claimed.as_str());
    let tulip = tulip.unwrap();
    assert_eq!(tulip["agentName"], "Tulip");
    assert_eq!(tulip["inviteUrl"], "https://chat/whispered");
    let stored = "SELECT concat(invite_url, ' ', instructions) AS it FROM instances WHERE agent_name = 'Tulip'";
    let stored = world.ask(stored).await.unwrap();
    assert!(
        stored.contains("xc1.") && !stored.contains("whispered"),
        "{stored}"
    );

    world.tick().await;
    assert_eq!(world.status(claimed).await.as_deref(), Some("claimed"));
    assert_eq!(world.status(waiting).await.as_deref(), Some("claimed"));
    assert_eq!(world.status(idle).await.as_deref(), Some("idle"));
    assert_eq!(world.status(unreachable).await, None, "it is skipped");
    let answer = world.claim(r#"{"agentName": "Iris"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["instanceId"], idle.as_str());
    let provisioned = |id| world.fake.state().instances[id].provisioned.len();
    assert_eq!((provisioned(claimed), provisioned(idle)), (0, 1));

    let (done, said) = run(&world.database, &world.fake, &["adopt", "--apply"]).await;
    assert!(done && said.contains("Adopted already"), "{said}");
    let kept = "SELECT count(*)::text AS it FROM original.instances";
    assert_eq!(world.ask(kept).await.as_deref(), Some("6"));
}

#[tokio::test]
async fn an_adoption_that_was_cut_off_is_finished_and_no_service_starts_before() {
    let fake = Fake::start().await;
    let ids = new_ids();
    let rows = older_rows(&fake, &ids);
    let database = original_database(OLDER_POOL, &rows).await;
    let cut = "CREATE SCHEMA original; ALTER TABLE instances SET SCHEMA original";
    let mut conn = database.db().conn().await.unwrap();
    conn.batch_execute(cut).await.unwrap();
    let (started, said) = run(&database, &fake, &[]).await;
    assert!(!started && said.contains("not adopted"), "{said}");
    let world = adopted(database, fake).await;
    let count = "SELECT count(*)::text AS it FROM instances";
    assert_eq!(world.ask(count).await.as_deref(), Some("4"));
}

#[tokio::test]
async fn in_the_newer_shape_the_address_and_the_key_come_from_the_table_of_services() {
    let fake = Fake::start().await;
    let [newer, older] = new_ids();
    for (id, key) in [(&newer, "token-of-16-characters"), (&older, KEY)] {
        fake.add(id);
        fake.state().instances.get_mut(id).unwrap().key = key.to_owned();
    }
    let row = |id: &InstanceId| {
        format!(
            "INSERT INTO instances (id, name, status) VALUES ('{id}', 'convos-agent-{id}', 'idle');
             INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, provider_project_id, url,
                 gateway_token)
             VALUES ('{id}', 's-{id}', 'e', 'p-{id}', '{}', 'token-of-16-characters')",
            fake.runtime_url(id)
        )
    };
    let rows = format!("{}; {}", row(&newer), row(&older));
    let database = original_database(NEWER, &rows).await;
    let world = adopted(database, fake).await;
    // The runtime of one accepts the key that the original gave it, that of the other only the operators' key.
    for _ in 0..2 {
        let answer = world.claim("{}").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let moved = "SELECT string_agg(tablename::text, ' ' ORDER BY tablename) AS it FROM pg_tables
                 WHERE schemaname = 'original'";
    assert_eq!(
        world.ask(moved).await.as_deref(),
        Some(
            "adoption agent_skills instance_infra instance_services instances payments phone_number_pool"
        )
    );
    let events = "SELECT string_agg(DISTINCT cause, ' ') AS it FROM instance_events WHERE from_status IS NULL";
    assert_eq!(world.ask(events).await.as_deref(), Some("adopted"));
}

#[tokio::test]
async fn the_way_back_gives_the_original_its_tables() {
    let guide = include_str!("../../../docs/moving-in.md");
    let statements = guide.split("```sql\n").nth(1).unwrap();
    let statements = statements.split("```").next().unwrap();
    let fake = Fake::start().await;
    let ids = new_ids();
    let database = original_database(OLDER_POOL, &older_rows(&fake, &ids)).await;
    let before = older_rows_of(&database).await;
    let (done, said) = run(&database, &fake, &["adopt", "--apply"]).await;
    assert!(done, "{said}");
    let mut conn = database.db().conn().await.unwrap();
    conn.batch_execute(statements).await.unwrap();
    assert_eq!(older_rows_of(&database).await, before);
    conn.batch_execute("DROP SCHEMA agent_pool_tables CASCADE")
        .await
        .unwrap();
    let (done, said) = run(&database, &fake, &["adopt", "--apply"]).await;
    assert!(done && said.contains("Done."), "{said}");
}
