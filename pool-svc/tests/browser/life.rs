//! A fleet with a life behind it, for looks.

use agent_pool_core::InstanceId;

use crate::fake::answers;
use crate::fleet::many;
use crate::world::World;

/// The claimed instance that Services knows.
pub(crate) const TULIP: &str = "k3v9q2m7x1ab";

pub(crate) async fn world() -> World {
    let world = World::new(&[
        ("POOL_MIN_IDLE", "25"),
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
        // Ids as they are made.
        "UPDATE instances SET id = made.id, name = 'convos-agent-' || made.id,
                url = CASE WHEN url IS NOT NULL THEN 'https://' || made.id || '.agents.example/' END
         FROM (SELECT id AS old, substr(translate(encode(sha256(id::bytea), 'base64'), '+/=' ||
                      'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '79' || '0' || 'abcdefghijklmnopqrstuvwxyz'), 1, 12) AS id
               FROM instances WHERE id LIKE 'inst%') AS made
         WHERE instances.id = made.old",
        // A day of claims: each instance was warm after some 40 s, and claimed within about a second.
        "INSERT INTO instance_events (instance_id, from_status, to_status, cause, at)
         SELECT 'h' || lpad(n::text, 11, '0'), from_status, to_status, cause, now() - n * interval '3 min' + age
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
         ORDER BY n DESC, age",
    ] {
        world.sql(statement).await;
    }
    world.fake.state().swept = Some(answers::sweep_report(false));
    world
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
        // As long as a claim takes where things are not all on one machine.
        format!(
            "UPDATE instance_events SET at = at - interval '1.2 s' WHERE instance_id = '{id}' AND cause = 'claim'"
        ),
    ] {
        world.sql(&statement).await;
    }
}
