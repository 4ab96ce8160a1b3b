//! Property test: answers of any form.

use provider_test_kit::{AnyVendor, any_answer_to_an_infra_is_read_or_refused};
use serde_json::json;

const MEMBERS: &[&str] = &[
    "data",
    "errors",
    "message",
    "edges",
    "node",
    "pageInfo",
    "hasNextPage",
    "endCursor",
    "id",
    "name",
    "project",
    "projects",
    "environment",
    "environments",
    "services",
    "serviceInstances",
    "serviceId",
    "serviceCreate",
    "serviceDomainCreate",
    "volumes",
    "volumeInstances",
    "volumeCreate",
    "domain",
    "domains",
    "latestDeployment",
    "status",
    "createdAt",
    "deletedAt",
];

#[tokio::test]
async fn any_answer_of_the_vendor_is_read_or_refused() {
    let vendor = AnyVendor {
        id: "railway",
        url: "RAILWAY_API_URL",
        settings: &[
            ("RAILWAY_API_TOKEN", "rw-key-of-the-tests"),
            ("RAILWAY_PROJECT_ID", "project-1"),
            ("RAILWAY_ENVIRONMENT_ID", "environment-1"),
            ("RAILWAY_RUNTIME_IMAGE", "image:1"),
        ],
        members: MEMBERS,
    };
    let data =
        json!({"environmentId": "environment-1", "projectId": "project-1", "volumeId": null});
    any_answer_to_an_infra_is_read_or_refused(vendor, data).await;
}
