//! Tests that the OpenAPI document in `docs` is up to date and contains every route.

use agent_pool_service_kit::testing::{assert_described, assert_generated};

use crate::support::Service;

#[test]
fn the_document_in_docs_is_generated() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi/services.json");
    assert_generated(folder.as_ref(), &format!("{:#}\n", services_svc::openapi()));
}

#[tokio::test]
async fn every_route_and_method_is_in_the_document() {
    let service = Service::start().await;
    let paths: Vec<_> = services_svc::PATHS.paths().iter().collect();
    assert_described(&service.url, &services_svc::openapi(), &paths).await;
}
