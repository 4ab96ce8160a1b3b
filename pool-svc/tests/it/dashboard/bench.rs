//! Measures the server time of the pages of a large fleet. It prints figures and asserts nothing.
//!
//! `cargo test --release -p pool-svc --test it -- --ignored --nocapture server_time`

use std::time::Duration;

use tokio::time::Instant;

use super::Person;
use crate::world::World;

/// The number of requests for each page.
const TIMES: usize = 40;

#[tokio::test]
#[ignore = "it prints figures; run it by its name"]
async fn server_time_with_ten_thousand_instances() {
    let world = World::new(&[]).await;
    world
        .sql(
            "INSERT INTO instances (id, name, status, url, agent_name, created_at, last_healthy_at,
                                    claimed_at, conversation_id, invite_url, tools)
             SELECT id, 'convos-agent-' || id, CASE WHEN n % 9 = 0 THEN 'idle' ELSE 'claimed' END,
                    'https://' || id || '.agents.example/', 'Agent ' || n, now() - n * interval '7 min',
                    now(), now(), 'c', 'https://c/', ARRAY['agentmail', 'openrouter']
             FROM (SELECT n, 'inst' || lpad(n::text, 8, '0') AS id FROM generate_series(1, 10000) n) AS made",
        )
        .await;
    world
        .sql(
            "INSERT INTO instance_events (instance_id, from_status, to_status, cause, at)
             SELECT 'inst' || lpad((n / 4)::text, 8, '0'),
                    (ARRAY[NULL, 'starting', 'idle', 'claiming'])[n % 4 + 1],
                    (ARRAY['starting', 'idle', 'claiming', 'claimed'])[n % 4 + 1],
                    (ARRAY['warm_up', 'healthy', 'claim', 'provisioned'])[n % 4 + 1],
                    now() - interval '7 days' + n * interval '15 s'
             FROM generate_series(4, 40003) n",
        )
        .await;
    world.sql("ANALYZE").await;
    let person = Person::operator(&world).await;
    for path in [
        "/",
        "/?page=200",
        "/?sort=agent&order=desc&page=100",
        "/?q=agent+99&sort=health",
        "/over-time?range=week",
    ] {
        let mut took = Vec::new();
        for _ in 0..TIMES {
            let asked = Instant::now();
            assert_eq!(person.get(path).await.status, 200);
            took.push(asked.elapsed());
        }
        took.sort();
        let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
        let (median, most) = (millis(took[TIMES / 2]), millis(took[TIMES - 1]));
        println!("{path}: median {median:.1} ms, slowest of {TIMES} {most:.1} ms");
    }
}
