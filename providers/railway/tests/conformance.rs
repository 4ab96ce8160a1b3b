//! The provider on the behaviour suite that any provider runs, in both of its placements.

use agent_pool_core::conformance::{self, Held};
use fake_cloud::{CloudState, Options, Vendor};
use provider_railway as _;
use provider_test_kit::{CloudHarness, CloudVendor};

#[tokio::test]
async fn every_promise_is_kept_in_one_project() {
    let trial = CloudVendor {
        settings: |cloud| {
            settings([
                ("RAILWAY_PROJECT_ID", cloud.railway_project_id()),
                ("RAILWAY_ENVIRONMENT_ID", cloud.railway_environment_id()),
            ])
        },
        changes: &CHANGES[1..],
        ..TRIAL
    };
    conformance::infra(&CloudHarness::start(trial, options()).await)
        .await
        .assert_ran(&[]);
}

#[tokio::test]
async fn every_promise_is_kept_in_a_project_each() {
    conformance::infra(&CloudHarness::start(TRIAL, options()).await)
        .await
        .assert_ran(&[]);
}

const PAGE: usize = 5;

static CHANGES: [&str; 5] = [
    "projectCreate",
    "serviceCreate",
    "volumeCreate",
    "volumeUpdate",
    "serviceDomainCreate",
];

static TRIAL: CloudVendor = CloudVendor {
    vendor: Vendor::Railway,
    settings: |cloud| settings([("RAILWAY_WORKSPACE_ID", cloud.railway_workspace_id())]),
    changes: &CHANGES,
    page_size: PAGE,
    held,
    usable: |_, _| None,
    public_env: &[],
};

fn options() -> Options {
    let mut options = Options::default();
    options.railway.page_size = PAGE;
    options.railway.volumes_per_project = 1_000;
    options
}

/// Omits the pause after a lost answer, because the cloud's lists do not lag.
fn settings<const N: usize>(place: [(&'static str, String); N]) -> Vec<(&'static str, String)> {
    let usual = [
        ("RAILWAY_RUNTIME_IMAGE", "ghcr.io/acme/runtime:1"),
        ("RAILWAY_SETTLE_MS", "0"),
        ("RAILWAY_PROJECT_INTERVAL_MS", "0"),
        ("RAILWAY_MEMORY_MB", "600"),
        ("RAILWAY_VCPU", "1"),
    ];
    let usual = usual.map(|(name, value)| (name, value.to_owned()));
    usual.into_iter().chain(place).collect()
}

fn held(cloud: &CloudState) -> Vec<Held> {
    let railway = &cloud.railway;
    let name = |service: &str| {
        let service = railway.services.iter().find(|one| one.id == service);
        service.map(|service| service.name.clone())
    };
    let projects = railway.projects.iter().skip(1); // the first is everybody's
    let projects = projects.map(|one| ("project", one.name.clone()));
    let services = railway.services.iter();
    let services = services.map(|one| ("service", one.name.clone()));
    let domains = railway.domains.iter();
    let domains = domains.map(|one| ("domain", name(&one.service_id).unwrap_or_default()));
    let volumes = railway.volumes.iter().filter(|one| !one.pending_deletion);
    let volumes = volumes.map(|one| {
        let service = one.service_ids.first().and_then(|id| name(id));
        ("volume", service.unwrap_or_else(|| one.name.clone()))
    });
    let all = projects.chain(services).chain(domains).chain(volumes);
    all.map(|(kind, label)| Held { kind, label }).collect()
}
