//! The behaviour suite that any provider runs, with the faults of the API server's connection.

use agent_pool_core::conformance::{self, Fault, Harness, Held, InfraHarness, Unsupported};
use agent_pool_core::registry::InfraRegistration;
use agent_pool_core::settings::Environment;
use agent_pool_core::{EnvVars, InfraHandle, Secret};
use async_trait::async_trait;
use fake_cloud::kubernetes::ClusterOptions;

use crate::support::{Lab, deployments};

const PAGE: usize = 3;

#[tokio::test]
async fn every_promise_is_kept() {
    let options = ClusterOptions {
        page_size: PAGE,
        ..ClusterOptions::default()
    };
    let harness = AtCluster(Lab::start(options).await);
    conformance::infra(&harness).await.assert_ran(&[]);
    assert_eq!(harness.0.cluster.faults(), Vec::<String>::new());
}

struct AtCluster(Lab);

#[async_trait]
impl Harness for AtCluster {
    fn environment(&self) -> Environment {
        self.0.environment(&[])
    }

    async fn held(&self) -> Vec<Held> {
        let held = self.0.cluster.held().into_iter();
        held.map(|(kind, name)| Held {
            kind,
            label: name.strip_suffix("-0").unwrap_or(&name).to_owned(),
        })
        .collect()
    }

    fn page_size(&self) -> Option<usize> {
        Some(PAGE)
    }

    fn changes(&self) -> &'static [&'static str] {
        &[
            "PATCH /statefulsets",
            "PATCH /secrets",
            "PATCH /persistentvolumeclaims",
            "PATCH /networkpolicies",
            "PATCH /services",
        ]
    }

    fn removals(&self) -> &'static [&'static str] {
        &["DELETE /statefulsets"]
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        self.0.proxy.fault(fault);
        Ok(())
    }

    async fn heal(&self) {
        self.0.proxy.heal();
    }

    async fn settle(&self) {
        self.0.proxy.settle().await;
        self.0.cluster.settle();
    }
}

#[async_trait]
impl InfraHarness for AtCluster {
    fn registration(&self) -> InfraRegistration {
        let mut linked = inventory::iter::<InfraRegistration>.into_iter();
        *linked.find(|one| one.id == "kubernetes").unwrap()
    }

    async fn deployments(&self, handle: &InfraHandle) -> Option<Vec<EnvVars>> {
        let typed = |(name, value): (String, String)| (name.parse().unwrap(), Secret::new(value));
        let runs = deployments(&self.0.cluster, handle.service.as_str()).into_iter();
        Some(
            runs.map(|run| run.variables.into_iter().map(typed).collect())
                .collect(),
        )
    }
}
