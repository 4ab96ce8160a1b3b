use agent_pool_core::InstanceId;

use crate::world::World;

#[tokio::test]
async fn status_counts_agents_and_info_show_the_fleet() {
    let world = World::new(&[]).await;
    let mut of = std::collections::BTreeMap::new();
    for (status, lease) in [
        ("starting", "NULL"),
        ("idle", "NULL"),
        ("claimed", "NULL"),
        ("crashed", "NULL"),
        ("claiming", "now()"),
    ] {
        let id = InstanceId::generate();
        world.insert(&id, status, lease).await;
        of.insert(status, id.to_string());
    }
    let status = world.send("GET", "/api/pool/status", "").await.body;
    assert_eq!(status["instances"].as_array().unwrap().len(), 5);
    assert_eq!(
        (&status["counts"]["idle"], &status["maxTotal"]),
        (&1.into(), &100.into())
    );
    let counts = world.send("GET", "/api/pool/counts", "").await.body;
    assert_eq!(counts, status["counts"]);
    let agents = world.send("GET", "/api/pool/agents", "").await.body;
    for group in ["claimed", "crashed", "idle", "starting"] {
        assert_eq!(agents[group][0]["id"], of[group], "{group}");
    }
    let info = world.send("GET", "/api/pool/info", "").await.body;
    assert_eq!(
        (&info["environment"], &info["version"]),
        (&"development".into(), &"0.1.0".into())
    );
    assert!(
        !status.to_string().contains("instructions"),
        "they are private"
    );
}

#[tokio::test]
async fn the_log_tells_a_whole_life_newest_first_and_pages() {
    let world = World::new(&[]).await;
    let id = world.replenish(1).await.remove(0);
    world.until(&id, Some("idle")).await;
    world.idle(1).await;
    assert_eq!(world.claim("{}").await.body["instanceId"], id.to_string());
    world
        .send("DELETE", &format!("/api/pool/instances/{id}"), "")
        .await;
    world.until(&id, None).await;
    let log = world
        .send("GET", &format!("/api/pool/events?instanceId={id}"), "")
        .await
        .body;
    let message: Vec<_> = log["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let word = |member: &str| event[member].as_str().unwrap_or("-").to_owned();
            format!("{} > {}: {}", word("from"), word("to"), word("cause"))
        })
        .collect();
    let expected = [
        "destroying > -: destroyed",
        "claimed > destroying: killed",
        "claiming > claimed: provisioned",
        "idle > claiming: claim",
        "starting > idle: healthy",
        "- > starting: warm_up",
    ];
    assert_eq!(message, expected);
    let third = log["events"][2]["id"].as_i64().unwrap();
    let page = world
        .send(
            "GET",
            &format!("/api/pool/events?limit=1&before={third}"),
            "",
        )
        .await
        .body;
    assert_eq!(
        page["events"].as_array().unwrap(),
        &[log["events"][3].clone()]
    );
}

#[tokio::test]
async fn dismiss_takes_only_what_has_crashed() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let path = format!("/api/pool/crashed/{id}");
    let refused = world.send("DELETE", &path, "").await;
    refused.is_problem(409, "not_crashed");
    world.sql("UPDATE instances SET status = 'crashed'").await;
    assert_eq!(world.send("DELETE", &path, "").await.status, 200);
    world.until(&id, None).await;
}

#[tokio::test]
async fn templates_are_listed_and_found() {
    let world = World::new(&[]).await;
    let all = world.send("GET", "/api/pool/templates", "").await.body;
    let first = &all[0];
    let slug = first["slug"].as_str().unwrap();
    assert_eq!(
        &world
            .send("GET", &format!("/api/pool/templates/{slug}"), "")
            .await
            .body,
        first
    );
}

#[tokio::test]
async fn metrics_count_claims_and_instances() {
    let world = World::new(&[]).await;
    world.idle(1).await;
    world.claim("{}").await;
    world.tick().await;
    let text = world.send("GET", "/metrics", "").await.body;
    let text = text.as_str().unwrap();
    for line in [
        r#"agent_pool_claims_total{launch="warm",outcome="claimed"}"#,
        r#"agent_pool_instances{pool="default",status="claimed"}"#,
        r#"agent_pool_claim_seconds_count{launch="warm",outcome="claimed"}"#,
        r#"agent_pool_claim_step_seconds_count{step="provisioned",launch="warm"}"#,
        "# HELP agent_pool_claims_total Claims that ended",
        r#"agent_pool_database_connections{state="in_use"}"#,
        "agent_pool_tick_seconds_count",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}
