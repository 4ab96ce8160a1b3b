//! A fleet with a history, for pictures.

use agent_pool_core::InstanceId;

use crate::fake::answers;
use crate::fleet::many;
use crate::world::World;

/// The claimed instance that Services knows.
pub(crate) const TULIP: &str = "k3v9q2m7x1ab";

pub(crate) async fn world() -> World {
    let world = World::new(&[
        ("POOL_MIN_IDLE", "24"),
        ("POOL_MAX_TOTAL", "400"),
        ("POOL_ENVIRONMENT", "staging"),
    ])
    .await;
    many(&world, 240).await;
    claim_tulip(&world).await;
    for statement in [
        "UPDATE instances SET status = 'starting', agent_name = NULL, tools = NULL, url = NULL,
                last_healthy_at = NULL, lease_expires_at = now() + interval '1 h'
         WHERE id IN ('inst00000001', 'inst00000002')",
        "UPDATE instances SET status = 'crashed' WHERE id IN ('inst00000007', 'inst00000130')",
        "UPDATE instances SET status = 'destroying', lease_expires_at = now() + interval '1 h'
         WHERE id = 'inst00000011'",
        "UPDATE instances SET agent_name = (ARRAY['Trip Planner', 'Basil', 'Meal Planner', 'Study Partner',
                'Nightjar', 'Club Organiser', 'First Reader'])[1 + substr(id, 5)::int % 7]
         WHERE agent_name LIKE 'Agent %'",
        "UPDATE instances SET pool = 'research'
         WHERE id IN ('inst00000036', 'inst00000072') OR (status = 'claimed' AND id ~ '^inst.*3$')",
        // Ids in the format of real ones.
        "UPDATE instances SET id = made.id, name = 'convos-agent-' || made.id,
                url = CASE WHEN url IS NOT NULL THEN 'https://' || made.id || '.agents.example/' END
         FROM (SELECT id AS old, substr(translate(encode(sha256(id::bytea), 'base64'), '+/=' ||
                      'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '79' || '0' || 'abcdefghijklmnopqrstuvwxyz'), 1, 12) AS id
               FROM instances WHERE id LIKE 'inst%') AS made
         WHERE instances.id = made.old",
        // A day of claims: each instance was warm after some 40 s, and claimed within about a second.
        "INSERT INTO instance_events (instance_id, from_status, to_status, cause, pool, at)
         SELECT 'h' || lpad(n::text, 11, '0'), from_status, to_status, cause,
                CASE WHEN n % 4 = 0 THEN 'research' ELSE 'default' END, now() - n * interval '3 min' + age
         FROM generate_series(1, 470) n,
              LATERAL (SELECT interval '1 s' * (25 + 22 * abs(sin(n / 31.0)) + n * 37 % 11) AS warm,
                              interval '1 s' * (0.6 + 0.5 * abs(cos(n / 17.0)) + n * 53 % 7 * 0.12) AS took,
                              interval '1 min' * (12 + 9 * sin(n / 40.0)) AS idle) AS times,
              LATERAL (VALUES (NULL, 'starting', 'warm_up', interval '0'), ('starting', 'idle', 'healthy', warm),
                              ('idle', 'claiming', 'claim', warm + idle),
                              ('claiming', 'claimed', 'provisioned', warm + idle + took),
                              ('claimed', 'destroying', 'killed', warm + idle + took + interval '5 h'))
                  AS moves (from_status, to_status, cause, age)
         WHERE now() - n * interval '3 min' + age < now()
         ORDER BY age - n * interval '3 min'",
    ] {
        world.sql(statement).await;
    }
    research(&world).await;
    webhooks(&world).await;
    world.fake.state().swept = Some(answers::sweep_report(false));
    world
}

/// Another pool with its target, and a month of costs of both.
async fn research(world: &World) {
    let spec = r#"{
        "recipe": {
            "infra": "docker", "image": "agent:2", "infraOptions": { "memoryMib": 1024, "cpuMillis": 500 },
            "tools": ["openrouter"], "claimTools": ["agentmail"], "demandTools": ["telnyx"]
        },
        "policy": {
            "objective": { "hitRate": "99%", "min": 0, "max": 20 }, "maxTotal": 40, "ttlSeconds": 86400,
            "budget": "$300/month"
        }
    }"#;
    let put = world.send("PUT", "/api/pool/pools/research", spec).await;
    assert_eq!(put.status, 200, "{}", put.body);
    for statement in [
        "INSERT INTO pool_sizings (pool, target, wanted, bound, rate, recent, lead_seconds, dispersion, reason)
         VALUES ('research', 2, 2, 'demand', 0.0014, 1, 43, 1,
                 '2 needed for 0.1 claims a minute, 43 s to warm one and a hit rate of 99%')",
        "INSERT INTO cost_ledger (day, instance_id, resource, spent_on, kind, pool, micros)
         SELECT (now() AT TIME ZONE 'UTC')::date - day, made.id, resource, spent_on, kind, pool,
                (share * dollars * (5 + 3 * sin(day * 6.283 / 7)) * 1000000)::int8
         FROM generate_series(0, 29) AS day,
              LATERAL (VALUES ('default', 1.0), ('research', 0.4)) AS pools (pool, share),
              LATERAL (VALUES ('railway', 'idle', 'time', 0.3), ('railway', 'agent', 'time', 0.5),
                              ('openrouter', 'agent', 'usage', 0.9), ('telnyx', 'agent', 'time', 0.2),
                              ('telnyx', 'failed', 'once', 0.04)) AS parts (resource, spent_on, kind, dollars),
              LATERAL (SELECT pool || lpad((day * 7 % 9)::text, 12 - length(pool), '0') AS id) AS made",
        "INSERT INTO pool_spending (pool, day, day_micros, month_micros)
         SELECT pool, max(day), sum(micros) FILTER (WHERE day = today), sum(micros)
         FROM cost_ledger, (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS clock
         WHERE day >= date_trunc('month', today) GROUP BY pool",
    ] {
        world.sql(statement).await;
    }
}

/// Two endpoints, with a message that arrived, one that is sent again, and one that was given up.
async fn webhooks(world: &World) {
    for (url, events) in [
        (
            "https://hooks.example.com/pool",
            r#"["pool.paused", "pool.budget_reached"]"#,
        ),
        ("https://example.org/agents?token=x", "[]"),
    ] {
        let body = format!(r#"{{"url": "{url}", "events": {events}}}"#);
        let added = world.send("POST", "/api/pool/webhooks", &body).await;
        assert_eq!(added.status, 200, "{}", added.body);
        let path = format!(
            "/api/pool/webhooks/{}/test",
            added.body["id"].as_str().unwrap()
        );
        for _ in 0..2 {
            world.send("POST", &path, "").await;
        }
    }
    for statement in [
        "UPDATE webhook_deliveries SET attempts = 1, delivered_at = now(), due_at = NULL, error = NULL",
        "UPDATE webhook_deliveries SET attempts = 3, delivered_at = NULL, due_at = now() + interval '30 min',
                error = 'it answered 503' WHERE id = (SELECT max(id) FROM webhook_deliveries)",
        "UPDATE webhook_deliveries SET attempts = 10, delivered_at = NULL, due_at = NULL,
                error = 'it answered 404' WHERE id = (SELECT max(id) - 1 FROM webhook_deliveries)",
    ] {
        world.sql(statement).await;
    }
}

/// Warm an hour ago, and claimed now.
async fn claim_tulip(world: &World) {
    let id: InstanceId = TULIP.parse().unwrap();
    world.fake.add(&id);
    world.insert(&id, "idle", "NULL").await;
    let oldest =
        format!("UPDATE instances SET created_at = now() - interval '9 years' WHERE id = '{id}'");
    world.sql(&oldest).await;
    let claimed = world
        .claim(r#"{"agentName": "Tulip", "instructions": "Be kind."}"#)
        .await;
    assert_eq!(claimed.body["instanceId"], id.as_str());
    for statement in [
        format!(
            "UPDATE instances SET tools = '{{agentmail,openrouter,telnyx}}', created_at = now() - interval '70 min',
                    url = 'https://{id}.agents.example/', invite_url = 'https://{id}.agents.example/c/Zt8qR2'
             WHERE id = '{id}'"
        ),
        format!(
            "INSERT INTO instance_events (id, instance_id, from_status, to_status, cause, at) VALUES
             (-1, '{id}', NULL, 'starting', 'warm_up', now() - interval '70 min'),
             (0, '{id}', 'starting', 'idle', 'healthy', now() - interval '69 min')"
        ),
        // A realistic duration of a claim if not everything runs on one machine.
        format!(
            "UPDATE instance_events SET at = at - interval '1.2 s' WHERE instance_id = '{id}' AND cause = 'claim'"
        ),
    ] {
        world.sql(&statement).await;
    }
}
