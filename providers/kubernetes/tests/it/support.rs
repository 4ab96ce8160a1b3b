//! A cluster behind a proxy that injects faults, and a provider on it.

use std::sync::Arc;

use agent_pool_core::conformance::Proxy;
use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, EnvVars, InfraProvider, InstanceId, InstanceSpec, ListedInstance, Mark,
    ProviderError, Redeploy, Secret,
};
use fake_cloud::kubernetes::{ClusterOptions, FakeCluster, Run};
use provider_kubernetes::Kubernetes;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const IMAGE: &str = "registry.example/agent:1";

pub(crate) struct Lab {
    pub(crate) cluster: FakeCluster,
    pub(crate) proxy: Proxy,
    token: String,
    folder: TempDir,
}

impl Lab {
    pub(crate) async fn start(options: ClusterOptions) -> Self {
        let token = options.token.clone();
        let cluster = FakeCluster::start(options).await.unwrap();
        let proxy = Proxy::before_address(cluster.authority()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = FakeCluster::kubeconfig(&proxy.url().unwrap());
        std::fs::write(folder.path().join("config"), config).unwrap();
        Self {
            cluster,
            proxy,
            token,
            folder,
        }
    }

    pub(crate) fn environment(&self, settings: &[(&str, &str)]) -> Environment {
        let path = self.folder.path().join("config");
        let mut environment = Environment::from_iter([
            ("KUBERNETES_KUBECONFIG", path.to_str().unwrap()),
            ("KUBERNETES_TOKEN", &self.token),
            ("KUBERNETES_IMAGE", IMAGE),
        ]);
        for (name, value) in settings {
            environment.set(format!("KUBERNETES_{name}"), *value);
        }
        environment
    }

    pub(crate) fn build(
        &self,
        settings: &[(&str, &str)],
    ) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        Kubernetes::build(&self.environment(settings))
    }

    pub(crate) async fn world(settings: &[(&str, &str)]) -> World {
        Self::start(ClusterOptions::default())
            .await
            .into_world(settings)
    }

    pub(crate) fn into_world(self, settings: &[(&str, &str)]) -> World {
        World {
            infra: self.build(settings).unwrap(),
            cx: context(),
            lab: self,
        }
    }
}

pub(crate) fn context() -> Context {
    let mark = Mark::new(&"test".parse().unwrap());
    Context::new(mark, agent_pool_core::http::client().unwrap())
}

pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) infra: Arc<dyn InfraProvider>,
    pub(crate) cx: Context,
}

impl World {
    pub(crate) async fn create(&self) -> CreatedInfra {
        let id = InstanceId::generate();
        self.infra.create(&self.cx, &id, &spec()).await.unwrap()
    }

    /// A deployed instance, once the cluster has settled.
    pub(crate) async fn deployed(&self, variables: &[(&str, &str)]) -> CreatedInfra {
        let created = self.create().await;
        self.configure(&created, variables, Redeploy::Yes).await;
        created
    }

    pub(crate) async fn configure(
        &self,
        created: &CreatedInfra,
        variables: &[(&str, &str)],
        redeploy: Redeploy,
    ) {
        let variables = vars(variables);
        let configured = self
            .infra
            .configure(&self.cx, &created.handle, &variables, redeploy)
            .await;
        configured.unwrap();
        self.lab.cluster.settle();
    }

    pub(crate) async fn redeploy(&self, created: &CreatedInfra) -> Result<(), ProviderError> {
        self.infra.redeploy(&self.cx, &created.handle).await
    }

    pub(crate) async fn update_image(&self, created: &CreatedInfra, image: &str) {
        let updated = self.infra.update_image(&self.cx, &created.handle, image);
        updated.await.unwrap();
    }

    pub(crate) async fn destroy(&self, created: &CreatedInfra) -> Result<(), ProviderError> {
        self.infra.destroy(&self.cx, &created.handle).await
    }

    pub(crate) async fn listed(&self, created: &CreatedInfra) -> Option<ListedInstance> {
        let mut listed = self.infra.list(&self.cx).await.unwrap();
        listed.retain(|one| one.handle.instance == created.handle.instance);
        listed.pop()
    }

    pub(crate) async fn lines(&self, created: &CreatedInfra) -> Vec<String> {
        let lines = self
            .infra
            .logs(&self.cx, &created.handle, 50)
            .await
            .unwrap();
        lines.into_iter().map(|line| line.text).collect()
    }

    /// The instance's object of one resource type, such as `secrets`.
    pub(crate) fn object(&self, plural: &str, created: &CreatedInfra) -> Value {
        let name = created.handle.service.as_str();
        let mut objects = self.lab.cluster.objects(plural);
        objects.retain(|object| object["metadata"]["labels"]["agent-pool.name"] == name);
        assert_eq!(objects.len(), 1, "{plural} of {name}");
        objects.remove(0)
    }

    pub(crate) fn runs(&self, created: &CreatedInfra) -> Vec<Run> {
        deployments(&self.lab.cluster, created.handle.service.as_str())
    }
}

/// The first run of each pod that an instance had.
pub(crate) fn deployments(cluster: &FakeCluster, name: &str) -> Vec<Run> {
    let mut runs = cluster.runs();
    runs.retain(|run| run.pod.strip_suffix("-0") == Some(name));
    runs.dedup_by(|later, earlier| later.pod_uid == earlier.pod_uid);
    runs
}

pub(crate) fn spec() -> InstanceSpec {
    InstanceSpec {
        name: "test".to_owned(),
        ..InstanceSpec::default()
    }
}

pub(crate) fn vars(pairs: &[(&str, &str)]) -> EnvVars {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.parse().unwrap(), Secret::new(*value)))
        .collect()
}
