//! Checks every request of an instance's life against Railway's own schemas.

use agent_pool_core::{InstanceId, Redeploy};
use apollo_compiler::ExecutableDocument;
use apollo_compiler::request::coerce_variable_values;
use fake_cloud::{RailwayOptions, Vendor};
use serde_json::Value;

use crate::rig::{Place, Rig, variables};
use crate::schemas;

/// Runs every operation, including the optional ones.
async fn whole_life(rig: &Rig) {
    let set = variables([("AGENT_NAME", "Ada")]);
    let handle = rig.create(&InstanceId::generate()).await.unwrap().handle;
    for redeploy in [Redeploy::Yes, Redeploy::No] {
        rig.infra
            .configure(&rig.cx, &handle, &set, redeploy)
            .await
            .unwrap();
    }
    rig.infra.redeploy(&rig.cx, &handle).await.unwrap();
    rig.infra
        .update_image(&rig.cx, &handle, "acme/runtime:2")
        .await
        .unwrap();
    rig.infra.logs(&rig.cx, &handle, 10).await.unwrap();
    rig.infra.verify(&rig.cx).await.unwrap();
    rig.infra.list(&rig.cx).await.unwrap();
    rig.destroy(&handle).await.unwrap();
}

async fn requests() -> Vec<Value> {
    let mut sent = Vec::new();
    for place in [Place::Shared, Place::Own] {
        let rig = Rig::start(place, RailwayOptions::default()).await;
        whole_life(&rig).await;
        assert_eq!(rig.cloud.unexpected(), []);
        let exchanges = rig.cloud.exchanges().into_iter();
        let own = exchanges.filter(|exchange| exchange.vendor == Vendor::Railway);
        sent.extend(own.map(|exchange| exchange.request.unwrap()));
    }
    sent
}

#[tokio::test]
async fn every_request_fits_the_vendors_schema_with_its_variables() {
    let Some(schema) = schemas::graphql() else {
        return;
    };
    let requests = requests().await;
    assert!(requests.len() > 20);
    for request in requests {
        let name = request["operationName"].as_str().unwrap();
        let text = request["query"].as_str().unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, text, name).unwrap();
        let operation = document.operations.get(Some(name)).unwrap();
        let given = serde_json::from_value(request["variables"].clone()).unwrap();
        let coerced = coerce_variable_values(&schema, operation, &given);
        coerced.unwrap_or_else(|error| panic!("{name}: {}", error.message()));
    }
}

#[tokio::test]
async fn every_patch_that_is_sent_fits_the_schema_of_environment_configs() {
    let requests = requests().await;
    let patches: Vec<_> = requests
        .iter()
        .filter_map(|sent| sent["variables"].get("patch"))
        .collect();
    assert_eq!(patches.len(), 4);
    schemas::assert_patches(patches);
}
