//! Tests of the manifests that follow from the settings.

use agent_pool_core::Redeploy;
use serde_json::{Value, json};

use crate::support::{Lab, World};

async fn pod(settings: &[(&str, &str)]) -> Value {
    let world = Lab::world(settings).await;
    let created = world.create().await;
    assert_eq!(world.lab.cluster.faults(), Vec::<String>::new());
    world.object("statefulsets", &created)["spec"]["template"]["spec"].clone()
}

#[tokio::test]
async fn a_pod_has_no_privileges_no_token_and_no_other_services_variables() {
    let pod = pod(&[]).await;
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["enableServiceLinks"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    let context = &pod["containers"][0]["securityContext"];
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }));
}

#[tokio::test]
async fn what_a_setting_says_of_pods_is_in_the_pod() {
    let pod = pod(&[
        ("RUNTIME_CLASS", "gvisor"),
        ("NODE_SELECTOR", "pool=agents"),
        ("TOLERATIONS", "agents=only:NoSchedule"),
        ("IMAGE_PULL_SECRETS", "registry, mirror"),
        ("READ_ONLY", "false"),
        ("USER", "4711"),
        ("CPU_MILLIS", "250"),
        ("STOP_GRACE_MS", "9000"),
    ])
    .await;
    assert_eq!(pod["runtimeClassName"], "gvisor");
    assert_eq!(pod["nodeSelector"], json!({ "pool": "agents" }));
    assert_eq!(pod["tolerations"][0]["key"], "agents");
    assert_eq!(
        pod["imagePullSecrets"],
        json!([{ "name": "registry" }, { "name": "mirror" }])
    );
    assert_eq!(
        pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"],
        false
    );
    assert_eq!(pod["securityContext"]["fsGroup"], 4711);
    assert_eq!(pod["containers"][0]["resources"]["limits"]["cpu"], "250m");
    assert_eq!(pod["terminationGracePeriodSeconds"], 9);
}

#[tokio::test]
async fn a_pod_always_has_time_to_end_so_that_no_other_shares_its_volume() {
    let pod = pod(&[("STOP_GRACE_MS", "0")]).await;
    assert_eq!(pod["terminationGracePeriodSeconds"], 1);
}

#[tokio::test]
async fn the_volume_has_its_class_and_size_and_belongs_to_the_stateful_set() {
    let world = Lab::world(&[("STORAGE_CLASS", "fast"), ("STORAGE_MIB", "2048")]).await;
    let created = world.create().await;
    let claim = world.object("persistentvolumeclaims", &created);
    assert_eq!(claim["spec"]["storageClassName"], "fast");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "2048Mi");
    let set = world.object("statefulsets", &created);
    for plural in [
        "persistentvolumeclaims",
        "secrets",
        "services",
        "networkpolicies",
    ] {
        let owner = &world.object(plural, &created)["metadata"]["ownerReferences"][0];
        assert_eq!(owner["uid"], set["metadata"]["uid"], "{plural}");
    }
}

#[tokio::test]
async fn every_object_is_ours_by_its_field_manager_and_has_the_labels_of_its_mark() {
    let world = Lab::world(&[]).await;
    let created = world.create().await;
    for plural in [
        "statefulsets",
        "persistentvolumeclaims",
        "secrets",
        "services",
        "networkpolicies",
    ] {
        let metadata = world.object(plural, &created)["metadata"].clone();
        assert_eq!(
            metadata["managedFields"][0]["manager"], "agent-pool",
            "{plural}"
        );
        assert_eq!(
            metadata["managedFields"][0]["operation"], "Apply",
            "{plural}"
        );
        assert_eq!(metadata["labels"]["agent-pool.mark"], "ap-test", "{plural}");
        assert_eq!(
            metadata["labels"]["agent-pool.instance"],
            created.handle.instance.as_str(),
            "{plural}"
        );
    }
}

async fn routed(settings: &[(&str, &str)]) -> (World, agent_pool_core::CreatedInfra) {
    let template = ("URL_TEMPLATE", "https://{id}.agents.example.com");
    let settings: Vec<_> = settings.iter().copied().chain([template]).collect();
    let world = Lab::world(&settings).await;
    let created = world.deployed(&[]).await;
    assert_eq!(world.lab.cluster.faults(), Vec::<String>::new());
    (world, created)
}

#[tokio::test]
async fn an_ingress_routes_the_host_name_of_the_template() {
    let settings = [
        ("ROUTE", "ingress"),
        ("ALLOW_FROM", "namespace:ingress-nginx"),
        ("INGRESS_CLASS", "nginx"),
        ("INGRESS_TLS_SECRET", "wildcard"),
        ("ROUTE_ANNOTATIONS", "example.com/timeout=60"),
    ];
    let (world, created) = routed(&settings).await;
    let host = format!("{}.agents.example.com", created.handle.instance);
    assert_eq!(created.url.as_str(), format!("https://{host}/"));
    let ingress = world.object("ingresses", &created);
    assert_eq!(ingress["spec"]["rules"][0]["host"], host.as_str());
    assert_eq!(ingress["spec"]["ingressClassName"], "nginx");
    assert_eq!(
        ingress["spec"]["tls"],
        json!([{ "hosts": [host], "secretName": "wildcard" }])
    );
    assert_eq!(
        ingress["metadata"]["annotations"]["example.com/timeout"],
        "60"
    );
    let url = world.runs(&created)[0].variables["PUBLIC_URL"].clone();
    assert_eq!(url, created.url.as_str());
}

#[tokio::test]
async fn an_http_route_attaches_to_the_gateway() {
    let settings = [
        ("ROUTE", "httproute"),
        ("ALLOW_FROM", "namespace:gateways"),
        ("GATEWAY", "gateways/main"),
    ];
    let (world, created) = routed(&settings).await;
    let route = world.object("httproutes", &created);
    assert_eq!(
        route["spec"]["parentRefs"],
        json!([{ "name": "main", "namespace": "gateways" }])
    );
    assert_eq!(route["spec"]["rules"][0]["backendRefs"][0]["port"], 8080);
}

#[tokio::test]
async fn without_a_template_the_service_is_the_address() {
    let world = Lab::world(&[("CONTAINER_PORT", "9000")]).await;
    let created = world.deployed(&[]).await;
    let name = created.handle.service.as_str();
    assert_eq!(
        created.url.as_str(),
        format!("http://{name}.agents.svc:9000/")
    );
    assert_eq!(world.runs(&created)[0].variables["PORT"], "9000");
}

#[tokio::test]
async fn a_field_that_somebody_else_changed_is_ours_again_with_the_next_deployment() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[]).await;
    let name = created.handle.service.as_str();
    world.lab.cluster.change("statefulsets", name, |value| {
        value["spec"]["replicas"] = json!(0);
    });
    world.configure(&created, &[], Redeploy::Yes).await;
    assert_eq!(
        world.object("statefulsets", &created)["spec"]["replicas"],
        1
    );
}
