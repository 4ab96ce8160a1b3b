//! Railway's rules, one by one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not know as such"
)]

mod common;

use common::{SERVICE_CREATE, start};
use fake_cloud::{DeploymentStatus, Options, Pace, Vendor};
use serde_json::{Value, json};

fn at_once() -> Options {
    let mut options = Options::default();
    options.railway.stage_pace = Pace::AT_ONCE;
    options
}

fn block(variables: Value) -> Value {
    json!({"source": {"image": "agent:1"}, "variables": variables})
}

const VOLUME: &str = "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }";
const DOMAIN: &str = "mutation($s: String!, $e: String!) {
    serviceDomainCreate(input: {serviceId: $s, environmentId: $e}) { domain } }";
const REDEPLOY: &str = "mutation($s: String!, $e: String!) {
    serviceInstanceRedeploy(serviceId: $s, environmentId: $e) }";

/// The message of the refusal of a query with a token; `None` if it succeeds.
async fn refusal_for(url: String, header: &str, token: &str, query: &str) -> Option<String> {
    let client = agent_pool_core::http::bare_builder().no_proxy().build();
    let client = client.unwrap();
    let request = client.post(url).header(header, token);
    let response = request.json(&json!({"query": query})).send().await.unwrap();
    assert_eq!(response.status(), 200, "{query}");
    let body: Value = response.json().await.unwrap();
    body["errors"][0]["message"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn each_token_sees_what_its_kind_may() {
    let api = start(Options::default()).await;
    let tokens = &api.cloud.options().railway.tokens;
    let account = format!("Bearer {}", tokens.account);
    let workspace = format!("Bearer {}", tokens.workspace);
    let (bearer, project) = ("authorization", "project-access-token");
    let (me, projects) = ("{ me { id } }", "{ projects { edges { cursor } } }");
    let own = "{ projectToken { projectId } }";
    let no = Some("Not Authorized");
    for (header, token, query, refusal) in [
        (bearer, account.as_str(), me, None),
        (bearer, &workspace, me, no),
        (
            bearer,
            &workspace,
            "{ apiToken { workspaces { id } } }",
            None,
        ),
        (bearer, "Bearer wrong", me, no),
        (project, &tokens.project, own, None),
        (project, &tokens.project, me, no),
        (project, &tokens.project, projects, no),
        (project, "wrong", me, Some("Project Token not found")),
    ] {
        let got = refusal_for(api.cloud.railway_url(), header, token, query).await;
        assert_eq!(got.as_deref(), refusal, "{query}");
    }
}

#[tokio::test]
async fn documents_that_do_not_fit_are_400_and_on_record() {
    let api = start(Options::default()).await;
    for (query, code) in [
        ("{ me { id ", "GRAPHQL_PARSE_FAILED"),
        ("{ me { nonsense } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "mutation { deploymentRedeploy(id: \"x\", environmentId: \"y\") { id } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query($id: String!) { project(id: $id) { id } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ] {
        let (status, body) = api.graphql(query, json!({})).await;
        assert_eq!(
            (status, body["errors"][0]["extensions"]["code"].as_str()),
            (400, Some(code)),
            "{body}"
        );
    }
    assert_eq!(api.cloud.unexpected().len(), 4);
}

#[tokio::test]
async fn a_patch_deploys_once_and_the_instance_is_reached_after_three_stages() {
    let api = start(Options::default()).await;
    let service = api.create_service("one").await;
    let ids = json!({"s": service, "e": api.cloud.railway_environment_id()});
    let data = api.railway(DOMAIN, ids.clone()).await;
    let url = data["serviceDomainCreate"]["domain"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(url.starts_with("http://127.0.0.1:"));
    api.patch(&service, block(json!({"POOL_API_KEY": {"value": "k"}})))
        .await;
    let health = || {
        api.send(
            reqwest::Method::GET,
            format!("{url}/pool/health"),
            "k",
            None,
        )
    };
    assert_eq!(health().await.status(), 502);
    for status in ["BUILDING", "DEPLOYING", "SUCCESS"] {
        assert_eq!(
            api.instance(&service).await["latestDeployment"]["status"],
            status
        );
    }
    assert_eq!(health().await.json::<Value>().await.unwrap()["ready"], true);
    assert_eq!(api.cloud.state().railway.deployments.len(), 1);
    api.railway(
        "mutation($s: String!) { serviceDelete(id: $s) }",
        json!({"s": service}),
    )
    .await;
    let gone = api
        .try_send(
            reqwest::Method::GET,
            format!("{url}/pool/health"),
            "k",
            None,
        )
        .await;
    assert!(gone.is_err());
    assert!(api.cloud.unexpected().is_empty());
}

#[tokio::test]
async fn a_patch_merges_and_one_that_changes_nothing_deploys_nothing() {
    let api = start(at_once()).await;
    let service = api.create_service("one").await;
    let variables = || api.cloud.state().railway.instances[0].variables.clone();
    api.patch(
        &service,
        block(json!({"A": {"value": "1"}, "B": {"value": "2"}})),
    )
    .await;
    api.patch(&service, json!({"variables": {"B": {"value": "2"}}}))
        .await;
    assert_eq!(api.cloud.state().railway.deployments.len(), 1);
    api.patch(&service, json!({"variables": {"A": null}})).await;
    assert_eq!(variables().into_keys().collect::<Vec<_>>(), ["B"]);
    let deployments = api.cloud.state().railway.deployments;
    assert_eq!(deployments.len(), 2);
    assert_eq!(deployments[0].status, DeploymentStatus::Removed);
    assert!(!deployments[1].variables.contains_key("A"));
}

#[tokio::test]
async fn a_redeploy_waits_for_the_deployment_in_flight_and_needs_one() {
    let api = start(Options::default()).await;
    let service = api.create_service("one").await;
    let ids = json!({"s": service, "e": api.cloud.railway_environment_id()});
    assert_eq!(
        api.refusal(REDEPLOY, ids.clone()).await,
        "Cannot redeploy without a snapshot"
    );
    api.patch(&service, block(json!({}))).await;
    let message = api.refusal(REDEPLOY, ids.clone()).await;
    assert!(
        message.starts_with("Cannot redeploy yet, please wait"),
        "{message}"
    );
    for _ in 0..3 {
        api.instance(&service).await;
    }
    api.railway(REDEPLOY, ids).await;
    assert_eq!(api.cloud.state().railway.deployments.len(), 2);
}

#[tokio::test]
async fn a_redeploy_takes_new_variables_and_the_old_image() {
    let api = start(at_once()).await;
    let service = api.create_service("one").await;
    api.patch(&service, block(json!({}))).await;
    let ids = json!({"s": service, "e": api.cloud.railway_environment_id(), "p": api.cloud.railway_project_id()});
    let upsert = "mutation($s: String!, $e: String!, $p: String!) { variableCollectionUpsert(input: {
        projectId: $p, environmentId: $e, serviceId: $s, variables: {NEW: \"1\"}, skipDeploys: true}) }";
    api.railway(upsert, ids.clone()).await;
    assert_eq!(api.cloud.state().railway.deployments.len(), 1);
    api.railway(REDEPLOY, json!({"s": ids["s"], "e": ids["e"]}))
        .await;
    let last = api.cloud.state().railway.deployments.pop().unwrap();
    assert_eq!(
        (last.image.as_str(), last.variables["NEW"].as_str()),
        ("agent:1", "1")
    );
}

#[tokio::test]
async fn names_are_unique_and_a_service_is_in_every_environment_but_forks() {
    let api = start(Options::default()).await;
    let project = api.cloud.railway_project_id();
    let create = "mutation($i: EnvironmentCreateInput!) { environmentCreate(input: $i) { id } }";
    let source = api.cloud.railway_environment_id();
    for input in [
        json!({"projectId": project, "name": "staging"}),
        json!({"projectId": project, "name": "pr-1", "sourceEnvironmentId": source}),
    ] {
        api.railway(create, json!({"i": input})).await;
    }
    api.create_service("one").await;
    assert_eq!(api.cloud.state().railway.instances.len(), 2);
    let again = json!({"input": {"projectId": project, "name": "one"}});
    assert!(
        api.refusal(SERVICE_CREATE, again)
            .await
            .contains("already exists")
    );
}

#[tokio::test]
async fn creating_has_quotas_and_plans_have_limits() {
    let mut options = Options::default();
    options.railway.volumes_per_project = 1;
    options.railway.project_gap_ms = 3_600_000;
    let api = start(options).await;
    let volume = json!({"i": {"projectId": api.cloud.railway_project_id(), "mountPath": "/data",
        "environmentId": api.cloud.railway_environment_id()}});
    api.railway(VOLUME, volume.clone()).await;
    assert!(
        api.refusal(VOLUME, volume)
            .await
            .contains("provision limit")
    );
    let project = "mutation($n: String!) { projectCreate(input: {name: $n}) { id } }";
    assert_eq!(
        api.refusal(project, json!({"n": "Capital"})).await,
        "Invalid project name"
    );
    api.railway(project, json!({"n": "first"})).await;
    assert!(
        api.refusal(project, json!({"n": "second"}))
            .await
            .contains("1 project per 30 seconds")
    );
}

#[tokio::test]
async fn volumes_are_throttled_in_the_vendors_words() {
    let mut options = Options::default();
    options.railway.volume_gap_ms = 3_600_000;
    let api = start(options).await;
    let volume = json!({"i": {"projectId": api.cloud.railway_project_id(), "mountPath": "/data"}});
    api.railway(VOLUME, volume.clone()).await;
    assert!(
        api.refusal(VOLUME, volume)
            .await
            .starts_with("Whoa there pal!")
    );
}

#[tokio::test]
async fn a_deleted_volume_is_still_listed_and_what_is_gone_is_not_authorized() {
    let api = start(Options::default()).await;
    let environment = api.cloud.railway_environment_id();
    let service = api.create_service("one").await;
    let input = json!({"projectId": api.cloud.railway_project_id(), "mountPath": "/data",
        "environmentId": environment, "serviceId": service});
    let volume = api.railway(VOLUME, json!({"i": input})).await["volumeCreate"]["id"].take();
    let delete = "mutation($id: String!) { volumeDelete(volumeId: $id) }";
    api.railway(delete, json!({"id": volume})).await;
    let list = "query($e: String!) { environment(id: $e) { volumeInstances { edges { node {
        state isPendingDeletion deletedAt } } } } }";
    let data = api.railway(list, json!({"e": environment})).await;
    let node = &data["environment"]["volumeInstances"]["edges"][0]["node"];
    assert_eq!(
        (&node["state"], &node["isPendingDeletion"]),
        (&json!("DELETING"), &json!(true))
    );
    assert_eq!(
        api.refusal(delete, json!({"id": volume})).await,
        "Not Authorized"
    );
    let delete = "mutation($id: String!) { serviceDelete(id: $id) }";
    api.railway(delete, json!({"id": service})).await;
    assert_eq!(
        api.refusal(delete, json!({"id": service})).await,
        "Not Authorized"
    );
    assert_eq!(
        api.refusal(delete, json!({"id": "never"})).await,
        "Service not found"
    );
}

#[tokio::test]
async fn lists_follow_cursors_and_lag_when_asked_to() {
    let mut options = Options::default();
    options.railway.page_size = 2;
    options.railway.list_pace = Pace::Reads(1);
    let api = start(options).await;
    for name in ["a", "b", "c"] {
        api.create_service(name).await;
    }
    let query = "query($p: String!, $after: String) { project(id: $p) { services(first: 100, after: $after) {
        edges { node { name } } pageInfo { hasNextPage endCursor } } } }";
    let page = async |after: Value| {
        let ids = json!({"p": api.cloud.railway_project_id(), "after": after});
        api.railway(query, ids).await["project"]["services"].take()
    };
    assert_eq!(page(Value::Null).await["edges"], json!([]));
    let first = page(Value::Null).await;
    assert_eq!(
        (
            first["edges"].as_array().unwrap().len(),
            &first["pageInfo"]["hasNextPage"]
        ),
        (2, &json!(true))
    );
    let second = page(first["pageInfo"]["endCursor"].clone()).await;
    assert_eq!(second["edges"][0]["node"]["name"], "c");
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn failing_images_fail_and_the_logs_show_it() {
    let api = start(at_once()).await;
    api.cloud
        .set_image_outcome("agent:1", DeploymentStatus::Failed);
    let service = api.create_service("one").await;
    api.patch(&service, block(json!({}))).await;
    let deployment = api.instance(&service).await["latestDeployment"].take();
    assert_eq!(deployment["status"], "FAILED");
    let logs = "query($d: String!) { deploymentLogs(deploymentId: $d, limit: 1) { message } }";
    let data = api.railway(logs, json!({"d": deployment["id"]})).await;
    assert_eq!(
        data["deploymentLogs"],
        json!([{"message": "deployment is FAILED"}])
    );
    assert_eq!(api.cloud.calls(Vendor::Railway, "serviceCreate"), 1);
}

#[tokio::test]
async fn two_volumes_at_one_path_deploy_nothing() {
    let api = start(at_once()).await;
    let service = api.create_service("one").await;
    let volume = json!({"i": {"projectId": api.cloud.railway_project_id(), "serviceId": service,
        "environmentId": api.cloud.railway_environment_id(), "mountPath": "/data"}});
    api.railway(VOLUME, volume.clone()).await;
    api.railway(VOLUME, volume).await;
    let patch = "mutation($e: String!, $p: EnvironmentConfig!) {
        environmentPatchCommit(environmentId: $e, patch: $p) }";
    let environment = api.cloud.railway_environment_id();
    let patch = api.refusal(
        patch,
        json!({"e": environment, "p": {"services": {service: block(json!({}))}}}),
    );
    assert_eq!(patch.await, "Failed to create deployment");
}

/// Takes one webhook after another, and answers each with 200.
async fn next_webhook(listener: &tokio::net::TcpListener) -> Value {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    loop {
        let mut chunk = [0; 4_096];
        let read = stream.read(&mut chunk).await.unwrap();
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        if let Some(body) = body.and_then(|body| serde_json::from_str::<Value>(&body).ok()) {
            assert!(
                text.starts_with("POST /webhooks/railway/secret HTTP/1.1\r\n"),
                "{text}"
            );
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            return body;
        }
    }
}

#[tokio::test]
async fn a_crash_is_reported_by_webhook() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = at_once();
    let url = format!(
        "http://{}/webhooks/railway/secret",
        listener.local_addr().unwrap()
    );
    options.railway.webhook_url = Some(url.parse().unwrap());
    let api = start(options).await;
    let service = api.create_service("watched").await;
    api.patch(&service, block(json!({}))).await;
    let until = async |wanted: &str| {
        loop {
            let notice = next_webhook(&listener).await;
            if notice["type"] == wanted {
                return notice;
            }
            api.instance(&service).await;
        }
    };
    let limit = std::time::Duration::from_secs(20);
    let deployed = tokio::time::timeout(limit, until("Deployment.success"))
        .await
        .unwrap();
    assert_eq!(deployed["resource"]["service"]["id"], service);
    api.cloud.crash_service("watched");
    let crashed = tokio::time::timeout(limit, until("Deployment.crashed"))
        .await
        .unwrap();
    assert_eq!(
        crashed["resource"]["deployment"]["id"],
        deployed["resource"]["deployment"]["id"]
    );
    assert!(crashed["timestamp"].is_string(), "{crashed}");
}
