//! `POST /recipe` and `POST /upgrade/:instanceId`.

use agent_pool_core::{ErrorKind, Secret};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Service, When, id};

/// The recipe from which `creation` makes an instance.
fn recipe(tools: &[&str]) -> Value {
    json!({ "tools": tools, "image": "runtime:1", "variables": { "COLOUR": "red" } })
}

async fn hash(service: &Service, recipe: Value) -> String {
    let made = service.post("/recipe", recipe).await.ok();
    made["hash"].as_str().unwrap().to_owned()
}

async fn made_from(service: &Service) -> Value {
    let batch = service.post("/status/batch", json!({})).await.ok();
    batch[id(1)]["madeFrom"].clone()
}

async fn upgrade(service: &Service, recipe: Value) -> crate::support::Answer {
    service.post(&format!("/upgrade/{}", id(1)), recipe).await
}

fn deployments(service: &Service) -> u32 {
    let state = service.world.state();
    state.services.values().next().unwrap().deployments
}

#[tokio::test]
async fn the_hash_changes_with_each_part_and_stays_otherwise() {
    let service = Service::start().await;
    let first = hash(&service, recipe(&["alpha"])).await;
    let repeated = json!({
        "variables": { "COLOUR": "red" }, "image": "runtime:1", "tools": ["alpha", "alpha"], "infra": "cellar",
    });
    assert_eq!(hash(&service, repeated).await, first);
    let mut others =
        vec![
        hash(&service, recipe(&["alpha", "beta"])).await,
        hash(&service, json!({ "tools": ["alpha"], "variables": { "COLOUR": "red" } })).await,
        hash(&service, json!({ "tools": ["alpha"], "image": "runtime:1" })).await,
        hash(
            &service,
            json!({ "tools": ["alpha"], "image": "runtime:1", "variables": { "COLOUR": "blue" } }),
        )
        .await,
    ];
    let moved = ("runtime:1".to_owned(), "sha256:ab".to_owned());
    service.world.state().digests.extend([moved]);
    others.push(hash(&service, recipe(&["alpha"])).await);
    service.world.state().digests.clear();
    for setting in [("INSTANCE_ENV_REGION", "south"), ("CELLAR_SHELVES", "3")] {
        let url = service.replica_with(&[setting]).await;
        let request = service.client.post(format!("{url}/recipe"));
        let request = request
            .bearer_auth(crate::support::KEY)
            .json(&recipe(&["alpha"]));
        let made: Value = request.send().await.unwrap().json().await.unwrap();
        others.push(made["hash"].as_str().unwrap().to_owned());
    }
    others.push(first.clone());
    let count = others.len();
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), count, "{others:?}");
    assert_eq!(hash(&service, recipe(&["alpha"])).await, first);
}

#[tokio::test]
async fn a_creation_records_what_the_instance_is_made_from_without_values() {
    let service = Service::start().await;
    let digest = ("runtime:1".to_owned(), "sha256:ab".to_owned());
    service.world.state().digests.extend([digest]);
    let created = service.create(&id(1), &["alpha"]).await.ok();
    let hash = hash(&service, recipe(&["alpha"])).await;
    assert_eq!(created["madeFrom"], json!(hash));
    assert_eq!(made_from(&service).await, json!(hash));
    let again = service.create(&id(1), &["alpha"]).await.ok();
    assert_eq!(again["madeFrom"], json!(hash));
    let details = service.get(&format!("/instances/{}", id(1))).await.ok();
    let made = &details["madeFrom"];
    assert_eq!(
        (&made["image"], &made["digest"], &made["tools"]),
        (&json!("runtime:1"), &json!("sha256:ab"), &json!(["alpha"]))
    );
    assert_eq!(made["variables"]["names"], json!(["COLOUR", "REGION"]));
    assert_eq!(made["settings"]["names"], json!(["CELLAR_SHELVES"]));
    for value in ["north", "hunter2"] {
        assert!(!details.to_string().contains(value), "{details}");
    }
    let stored = "SELECT made_from::text FROM instance_infra";
    assert!(!service.text(stored).await.contains("north"));
}

#[tokio::test]
async fn the_list_tells_the_digest_and_the_runtime_its_version() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    service.instances.set_ready(&id(1));
    service.world.state().listed_digest = Some("sha256:cd");
    let batch = service.post("/status/batch", json!({})).await.ok();
    let report = &batch[id(1)];
    assert_eq!(
        (&report["imageDigest"], &report["version"]),
        (&json!("sha256:cd"), &json!("7.1"))
    );
    let details = service.get(&format!("/instances/{}", id(1))).await.ok();
    assert_eq!(details["infra"]["imageDigest"], "sha256:cd");
}

#[tokio::test]
async fn an_upgrade_deploys_once_with_image_and_variables_and_is_idempotent() {
    let service = Service::with(&[("ALLOWED_IMAGES", "runtime:1,runtime:2")]).await;
    service.create(&id(1), &["alpha"]).await.ok();
    let same = upgrade(&service, recipe(&["alpha"])).await.ok();
    assert_eq!(same["deployed"], false);
    let next = json!({
        "tools": ["alpha"], "image": "runtime:2", "variables": { "COLOUR": "blue" },
    });
    for deployed in [true, false] {
        let upgraded = upgrade(&service, next.clone()).await.ok();
        assert_eq!(upgraded["deployed"], deployed);
        assert_eq!(upgraded["madeFrom"]["image"], "runtime:2");
        assert_eq!(deployments(&service), 2);
    }
    assert_eq!(made_from(&service).await, json!(hash(&service, next).await));
    let state = service.world.state();
    let instance = state.services.values().next().unwrap();
    assert_eq!(instance.handle.image.as_deref(), Some("runtime:2"));
    assert_eq!(instance.variables.get("COLOUR"), Some(&Secret::new("blue")));
    let key = Secret::new(format!("hunter2-ALPHA_KEY-{}", id(1)));
    assert_eq!(instance.variables.get("ALPHA_KEY"), Some(&key));
}

#[tokio::test]
async fn an_upgrade_provisions_missing_tools_and_keeps_the_others() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha"]).await.ok();
    let next = recipe(&["beta"]);
    upgrade(&service, next.clone()).await.ok();
    assert_eq!(made_from(&service).await, json!(hash(&service, next).await));
    assert_eq!(deployments(&service), 2);
    let state = service.world.state();
    let tools: Vec<_> = state
        .resources
        .keys()
        .map(|(tool, _)| tool.clone())
        .collect();
    assert_eq!(tools, ["alpha", "beta"]);
    let variables = &state.services.values().next().unwrap().variables;
    assert!(variables.get("BETA_NUMBER").is_some());
}

#[tokio::test]
async fn an_upgrade_that_failed_is_repeated_to_its_end() {
    let service = Service::with(&[("ALLOWED_IMAGES", "runtime:1,runtime:2")]).await;
    service.create(&id(1), &[]).await.ok();
    let before = made_from(&service).await;
    let next = json!({ "image": "runtime:2", "tools": ["beta"] });
    for call in [
        "cellar resolve",
        "beta provision",
        "cellar configure",
        "cellar update",
    ] {
        service
            .world
            .fail(call, ErrorKind::Unavailable, When::Before);
        upgrade(&service, next.clone())
            .await
            .is_problem(503, "vendor_unavailable");
        service.world.heal();
        assert_eq!(made_from(&service).await, before, "{call}");
    }
    upgrade(&service, next.clone()).await.ok();
    assert_eq!(made_from(&service).await, json!(hash(&service, next).await));
}

#[tokio::test]
async fn a_recipe_that_cannot_be_used_is_refused_before_anything_is_done() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    for path in ["/recipe".to_owned(), format!("/upgrade/{}", id(1))] {
        for (body, status, code) in [
            (json!({ "image": "evil:1" }), 422, "image_not_allowed"),
            (json!({ "tools": ["nosuch"] }), 400, "unknown_tool"),
            (json!({ "infra": "attic" }), 422, "provider_unconfigured"),
        ] {
            service.post(&path, body).await.is_problem(status, code);
        }
    }
    let unknown = service
        .send(Method::POST, "/upgrade/nosuchinstan", None)
        .await;
    unknown.is_problem(404, "unknown_instance");
    assert_eq!(deployments(&service), 1);
}

/// The options that the last deployment had.
fn options(service: &Service) -> Value {
    let state = service.world.state();
    json!(state.services.values().next().unwrap().handle.options)
}

#[tokio::test]
async fn options_are_part_of_the_hash_and_of_each_deployment() {
    let service = Service::start().await;
    let plain = hash(&service, recipe(&[])).await;
    let with = |bottles: u32| {
        let mut with = recipe(&[]);
        with["infraOptions"] = json!({ "bottles": bottles });
        with
    };
    let (one, two) = (hash(&service, with(1)).await, hash(&service, with(2)).await);
    assert!(plain != one && one != two, "{plain} {one} {two}");
    let mut none = recipe(&[]);
    none["infraOptions"] = json!({});
    assert_eq!(hash(&service, none).await, plain);

    let mut creation = with(1);
    creation["instanceId"] = json!(id(1));
    creation["name"] = json!("agent");
    let created = service.post("/create-instance", creation).await.ok();
    assert_eq!(created["madeFrom"], json!(one));
    assert_eq!(options(&service), json!({ "bottles": 1 }));
    service
        .post(&format!("/redeploy/{}", id(1)), json!({}))
        .await
        .ok();
    assert_eq!(options(&service), json!({ "bottles": 1 }));
    let details = service.get(&format!("/instances/{}", id(1))).await.ok();
    assert_eq!(details["madeFrom"]["infraOptions"], json!({ "bottles": 1 }));
    assert!(details["document"].to_string().contains("bottles"));

    upgrade(&service, with(2)).await.ok();
    assert_eq!(options(&service), json!({ "bottles": 2 }));
    upgrade(&service, recipe(&[])).await.ok();
    assert_eq!(options(&service), json!({}));
}

#[tokio::test]
async fn an_option_that_the_infra_does_not_take_is_refused_with_those_that_it_takes() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    let creation = json!({ "instanceId": id(2), "name": "agent", "tools": [] });
    let paths = ["/recipe", "/upgrade/instance0001", "/create-instance"];
    for (path, mut body) in paths.map(|path| (path, creation.clone())) {
        for options in [json!({ "barrels": 2 }), json!({ "bottles": "many" })] {
            body["infraOptions"] = options;
            let answer = service.post(path, body.clone()).await;
            let problem = &answer.is_problem(400, "invalid_field").body;
            assert_eq!(problem["field"], "infraOptions");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("bottles"), "{detail}");
        }
    }
    assert_eq!(service.rows().await, (1, 0));
}
