//! The parts of Railway's answers that are read.

use agent_pool_core::{DeployStatus, Mark, ProviderError, ServiceId};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::page::{Connection, FirstPage};

/// One page of an environment; a list that was left out is `None`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetPage {
    pub(crate) service_instances: Option<Connection<ServiceInstance>>,
    pub(crate) volume_instances: Option<Connection<VolumeInstance>>,
}

/// A service in one environment.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceInstance {
    pub(crate) service_id: ServiceId,
    /// Empty if it is absent. A list with such a service is refused, not shortened, because the service may be ours.
    #[serde(default)]
    pub(crate) service_name: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
    pub(crate) source: Option<Source>,
    pub(crate) latest_deployment: Option<Deployment>,
    domains: Domains,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Source {
    pub(crate) image: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deployment {
    status: DeployStatus,
    deployment_stopped: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Domains {
    service_domains: Vec<Domain>,
    custom_domains: Vec<Domain>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Domain {
    pub(crate) domain: String,
}

impl ServiceInstance {
    /// The status of the newest deployment. Railway's `SUCCESS` only says that the container started: a process that
    /// has since ended with 0 is still `SUCCESS`, and stopped.
    pub(crate) fn status(&self) -> Option<DeployStatus> {
        let deployment = self.latest_deployment.as_ref()?;
        let ended = deployment.deployment_stopped && deployment.status == DeployStatus::Success;
        Some(if ended {
            DeployStatus::Crashed
        } else {
            deployment.status.clone()
        })
    }

    /// Why it does not run. Railway has no exit code, and its own words are in its logs.
    pub(crate) fn detail(&self) -> Option<String> {
        let deployment = self.latest_deployment.as_ref()?;
        let why = match (&deployment.status, deployment.deployment_stopped) {
            (DeployStatus::Success, true) => "its process ended by itself, without an error",
            (DeployStatus::Crashed, _) => "its process failed too often: see its logs",
            (DeployStatus::Failed, _) => {
                "its image could not be pulled or started: see Railway's deploy logs"
            }
            _ => return None,
        };
        Some(why.to_owned())
    }

    /// The domain that Railway made, or one that somebody added.
    pub(crate) fn domain(&self) -> Option<&str> {
        let Domains {
            service_domains,
            custom_domains,
        } = &self.domains;
        let first = service_domains.iter().chain(custom_domains).next()?;
        Some(&first.domain)
    }
}

/// A volume in one environment.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VolumeInstance {
    pub(crate) volume_id: String,
    /// `None` once its service is gone.
    pub(crate) service_id: Option<ServiceId>,
    pub(crate) created_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    is_pending_deletion: bool,
    volume: VolumeName,
}

#[derive(Debug, Deserialize)]
struct VolumeName {
    name: String,
}

impl VolumeInstance {
    /// The name: Railway's own choice until it is renamed.
    pub(crate) fn name(&self) -> &str {
        &self.volume.name
    }

    /// Whether it is not being deleted: a deleted volume is still listed for up to 48 h.
    pub(crate) fn is_live(&self) -> bool {
        self.deleted_at.is_none() && !self.is_pending_deletion
    }
}

/// A project with its environments.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
    environments: FirstPage<ProjectEnvironment>,
}

impl Project {
    /// The environment that holds the service of this name, or else the project's first: each project of an instance
    /// is created with one.
    pub(crate) fn into_environment(
        self,
        mark: &Mark,
        label: &str,
    ) -> Result<Option<ProjectEnvironment>, ProviderError> {
        let mut live = self.environments.into_nodes(mark)?;
        live.retain(|environment| environment.deleted_at.is_none());
        let holds = |environment: &ProjectEnvironment| {
            let mut services = environment.service_instances.nodes();
            services.any(|service| service.service_name == label)
        };
        let place = live.iter().position(holds).unwrap_or_default();
        Ok((place < live.len()).then(|| live.swap_remove(place)))
    }
}

/// An environment with its contents.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectEnvironment {
    pub(crate) id: String,
    deleted_at: Option<DateTime<Utc>>,
    pub(crate) service_instances: Connection<ServiceInstance>,
    pub(crate) volume_instances: Connection<VolumeInstance>,
}

/// An environment by its name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamedEnvironment {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

/// A project that was just created.
#[derive(Debug, Deserialize)]
pub(crate) struct NewProject {
    pub(crate) id: String,
    environments: FirstPage<Identified>,
}

impl NewProject {
    /// The environment that it was created with.
    pub(crate) fn into_environment(self, mark: &Mark) -> Result<Option<String>, ProviderError> {
        let first = self.environments.into_nodes(mark)?.into_iter().next();
        Ok(first.map(|environment| environment.id))
    }
}

/// A project's name, and whether it is being deleted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectName {
    pub(crate) name: String,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

/// An object of which only the id matters.
#[derive(Debug, Deserialize)]
pub(crate) struct Identified {
    pub(crate) id: String,
}

/// A service that was just created.
#[derive(Debug, Deserialize)]
pub(crate) struct NewService {
    pub(crate) id: ServiceId,
}

/// The scope of a project token.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectToken {
    pub(crate) project_id: String,
    pub(crate) environment_id: String,
}

/// The scope of an account's or a workspace's token.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiToken {
    pub(crate) workspaces: Vec<Identified>,
}

/// The newest deployment of a service, by id.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deployed {
    pub(crate) latest_deployment: Option<Identified>,
}

/// One line of a deployment's output.
#[derive(Debug, Deserialize)]
pub(crate) struct Log {
    pub(crate) timestamp: String,
    pub(crate) message: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(deployment: serde_json::Value, custom: &[&str]) -> ServiceInstance {
        let custom: Vec<_> = custom
            .iter()
            .map(|name| json!({ "domain": name }))
            .collect();
        serde_json::from_value(json!({
            "serviceId": "s",
            "serviceName": "ap-test-abcdefghijkl",
            "createdAt": "2026-11-23T19:00:00.123Z",
            "deletedAt": null,
            "source": null,
            "latestDeployment": deployment,
            "domains": { "serviceDomains": [], "customDomains": custom },
        }))
        .unwrap()
    }

    fn status(word: &str, stopped: bool) -> DeployStatus {
        let deployment = json!({ "status": word, "deploymentStopped": stopped });
        service(deployment, &[]).status().unwrap()
    }

    #[test]
    fn what_does_not_run_says_why() {
        let detail = |word: &str, stopped: bool| {
            let deployment = json!({ "status": word, "deploymentStopped": stopped });
            service(deployment, &[]).detail()
        };
        assert_eq!(detail("SUCCESS", false), None);
        for (word, stopped, why) in [
            ("SUCCESS", true, "ended by itself"),
            ("CRASHED", true, "failed too often"),
            ("FAILED", false, "could not be pulled or started"),
        ] {
            let reported = detail(word, stopped).unwrap();
            assert!(reported.contains(why), "{reported}");
        }
    }

    #[test]
    fn a_success_that_has_stopped_is_no_success() {
        assert_eq!(status("SUCCESS", false), DeployStatus::Success);
        assert_eq!(status("SUCCESS", true), DeployStatus::Crashed);
        assert_eq!(status("SLEEPING", true), DeployStatus::Sleeping);
    }

    #[test]
    fn a_word_that_railway_adds_is_kept() {
        let added = DeployStatus::Other("HIBERNATING".to_owned());
        assert_eq!(status("HIBERNATING", false), added);
    }

    #[test]
    fn before_the_first_deployment_there_is_no_status() {
        assert_eq!(service(serde_json::Value::Null, &[]).status(), None);
    }

    #[test]
    fn a_domain_that_somebody_added_will_do() {
        let added = service(serde_json::Value::Null, &["agent.example.org"]);
        assert_eq!(added.domain(), Some("agent.example.org"));
        assert_eq!(service(serde_json::Value::Null, &[]).domain(), None);
    }

    #[test]
    fn an_instance_is_in_the_environment_that_holds_its_service_or_in_the_first_that_lasts() {
        let at = "2026-11-23T19:00:00Z";
        let list = |nodes: Vec<serde_json::Value>| {
            let edges: Vec<_> = nodes.iter().map(|node| json!({ "node": node })).collect();
            json!({ "edges": edges, "pageInfo": { "hasNextPage": false } })
        };
        let environment = |id: &str, deleted_at: Option<&str>, service: Option<&str>| {
            let services = service.map(|name| {
                json!({
                    "serviceId": "s", "serviceName": name, "createdAt": at,
                    "domains": { "serviceDomains": [], "customDomains": [] },
                })
            });
            json!({
                "id": id,
                "deletedAt": deleted_at,
                "serviceInstances": list(services.into_iter().collect()),
                "volumeInstances": list(Vec::new()),
            })
        };
        let found = |label: &str| {
            let environments = list(vec![
                environment("gone", Some(at), Some("ours")),
                environment("first", None, None),
                environment("second", None, Some("ours")),
            ]);
            let project = json!({
                "id": "p", "name": "ours", "createdAt": at, "environments": environments,
            });
            let project: Project = serde_json::from_value(project).unwrap();
            let mark = Mark::new(&"test".parse().unwrap());
            let environment = project.into_environment(&mark, label).unwrap();
            environment.unwrap().id
        };
        assert_eq!(found("ours"), "second");
        assert_eq!(found("another"), "first");
    }
}
