//! The OpenAPI document is the one in `docs`, and contains every route.

use agent_pool_service_kit::testing::{assert_described, assert_generated};

use crate::world::World;

#[test]
fn the_document_in_docs_is_generated() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi/pool.json");
    assert_generated(folder.as_ref(), &format!("{:#}\n", pool_svc::openapi()));
}

#[tokio::test]
async fn every_route_and_method_of_the_api_is_in_the_document() {
    let world = World::new(&[]).await;
    let api = |path: &&&str| path.starts_with("/api/pool/");
    let paths: Vec<_> = pool_svc::PATHS.paths().iter().filter(api).collect();
    assert_described(&world.url, &pool_svc::openapi(), &paths).await;
}
