//! Where instances live: all in one project, or each in a project of its own.

use agent_pool_core::settings::SettingsError;
use agent_pool_core::{Context, ErrorKind, ProviderError};
use tokio::sync::OnceCell;

use crate::graphql::Client;
use crate::settings::{RailwaySettings, TokenKind};

/// A project and the environment in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) project: String,
    pub(crate) environment: String,
}

/// Where instances live.
#[derive(Debug)]
pub(crate) enum Placement {
    /// All in one project.
    Shared(SharedHome),
    /// Each in a project of its own.
    Own {
        /// The workspace that the projects are made in.
        workspace: String,
        /// The name of the one environment of each.
        environment: String,
    },
}

/// The one home of all instances. It is looked up at most once, by the first call that needs it, and kept: what an
/// environment's name or a token refers to does not change while they are valid.
#[derive(Debug)]
pub(crate) struct SharedHome {
    source: Source,
    found: OnceCell<Home>,
}

/// How the shared home is found.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    Ids(Home),
    EnvironmentName { project: String, name: String },
    ProjectToken,
}

impl Placement {
    /// Decides where instances live.
    ///
    /// # Errors
    /// The settings name no place, two places, or one that the token cannot reach.
    pub(crate) fn from_settings(settings: &RailwaySettings) -> Result<Self, SettingsError> {
        let name = settings.environment_name.as_ref();
        let name_or_usual = || name.map_or("production", String::as_str).to_owned();
        let shared = |source| {
            Ok(Self::Shared(SharedHome {
                source,
                found: OnceCell::new(),
            }))
        };
        let project_token = settings.token_kind == TokenKind::Project;
        match (
            &settings.project_id,
            &settings.workspace_id,
            &settings.environment_id,
        ) {
            (None, None, None) if project_token && name.is_none() => shared(Source::ProjectToken),
            _ if project_token => Err(SettingsError::fault(
                "RAILWAY_TOKEN_KIND",
                "is project, whose token names project and environment itself: \
                 unset RAILWAY_PROJECT_ID, RAILWAY_WORKSPACE_ID and RAILWAY_ENVIRONMENT_*",
            )),
            (None, None, _) => Err(SettingsError::fault(
                "RAILWAY_PROJECT_ID",
                "or RAILWAY_WORKSPACE_ID is required: where instances live",
            )),
            (Some(_), Some(_), _) => Err(SettingsError::fault(
                "RAILWAY_PROJECT_ID",
                "and RAILWAY_WORKSPACE_ID are both set: one project for all, or one for each?",
            )),
            (_, _, Some(_)) if name.is_some() => Err(SettingsError::fault(
                "RAILWAY_ENVIRONMENT_ID",
                "and RAILWAY_ENVIRONMENT_NAME are both set: one is enough",
            )),
            (None, Some(_), Some(_)) => Err(SettingsError::fault(
                "RAILWAY_ENVIRONMENT_ID",
                "is of one project, and each instance gets its own: set RAILWAY_ENVIRONMENT_NAME",
            )),
            (Some(project), None, Some(environment)) => shared(Source::Ids(Home {
                project: project.clone(),
                environment: environment.clone(),
            })),
            (Some(project), None, None) => shared(Source::EnvironmentName {
                project: project.clone(),
                name: name_or_usual(),
            }),
            (None, Some(workspace), None) => Ok(Self::Own {
                workspace: workspace.clone(),
                environment: name_or_usual(),
            }),
        }
    }
}

impl SharedHome {
    /// The home, looked up if it is not known yet.
    pub(crate) async fn find(&self, cx: &Context, client: &Client) -> Result<&Home, ProviderError> {
        match &self.source {
            Source::Ids(home) => Ok(home),
            Source::EnvironmentName { project, name } => {
                let look = || by_name(cx, client, project, name);
                self.found.get_or_try_init(look).await
            }
            Source::ProjectToken => {
                let look = || by_token(cx, client);
                self.found.get_or_try_init(look).await
            }
        }
    }
}

async fn by_name(
    cx: &Context,
    client: &Client,
    project: &str,
    name: &str,
) -> Result<Home, ProviderError> {
    let environments = client.environments(cx, project).await?;
    let named = environments
        .into_iter()
        .find(|environment| environment.deleted_at.is_none() && environment.name == name);
    let found = named.ok_or_else(|| {
        let missing = format!("project {project} has no environment {name:?}");
        ProviderError::new(ErrorKind::NotFound, missing)
    })?;
    Ok(Home {
        project: project.to_owned(),
        environment: found.id,
    })
}

async fn by_token(cx: &Context, client: &Client) -> Result<Home, ProviderError> {
    let token = client.project_token(cx).await?;
    Ok(Home {
        project: token.project_id,
        environment: token.environment_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placement<const N: usize>(pairs: [(&str, &str); N]) -> Result<Placement, SettingsError> {
        Placement::from_settings(&RailwaySettings::sample(pairs).unwrap())
    }

    const PROJECT: (&str, &str) = ("RAILWAY_PROJECT_ID", "p");
    const WORKSPACE: (&str, &str) = ("RAILWAY_WORKSPACE_ID", "w");
    const ID: (&str, &str) = ("RAILWAY_ENVIRONMENT_ID", "e");
    const NAME: (&str, &str) = ("RAILWAY_ENVIRONMENT_NAME", "staging");
    const PROJECT_TOKEN: (&str, &str) = ("RAILWAY_TOKEN_KIND", "project");

    #[track_caller]
    fn assert_shared(placement: Result<Placement, SettingsError>, expected: &Source) {
        match placement.unwrap() {
            Placement::Shared(home) => assert_eq!(&home.source, expected),
            other @ Placement::Own { .. } => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn assert_own(placement: Result<Placement, SettingsError>, name: &str) {
        match placement.unwrap() {
            Placement::Own { environment, .. } => assert_eq!(environment, name),
            other @ Placement::Shared(_) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_project_is_shared_by_all() {
        let ids = Source::Ids(Home {
            project: "p".into(),
            environment: "e".into(),
        });
        let named = |name: &str| Source::EnvironmentName {
            project: "p".into(),
            name: name.into(),
        };
        assert_shared(placement([PROJECT, ID]), &ids);
        assert_shared(placement([PROJECT, NAME]), &named("staging"));
        assert_shared(placement([PROJECT]), &named("production"));
        assert_shared(placement([PROJECT_TOKEN]), &Source::ProjectToken);
    }

    #[test]
    fn a_workspace_means_a_project_each() {
        assert_own(placement([WORKSPACE]), "production");
        assert_own(placement([WORKSPACE, NAME]), "staging");
    }

    /// Railway sets project and environment, by id and by name, in every container that it runs.
    #[test]
    fn where_services_runs_on_railway_its_own_place_is_not_taken_for_the_instances() {
        let railway = ("RAILWAY_DEPLOYMENT_ID", "d");
        let own = [railway, PROJECT, ID, NAME];
        let with = |pair| placement([own[0], own[1], own[2], own[3], pair]);
        assert_own(with(WORKSPACE), "production");
        assert_shared(with(PROJECT_TOKEN), &Source::ProjectToken);
        let ids = |project: &str, environment: &str| {
            Source::Ids(Home {
                project: project.into(),
                environment: environment.into(),
            })
        };
        assert_shared(placement(own), &ids("p", "e"));
        let other = ("RAILWAY_INSTANCES_PROJECT_ID", "q");
        let named = Source::EnvironmentName {
            project: "q".into(),
            name: "production".into(),
        };
        assert_shared(with(other), &named);
        let environment = ("RAILWAY_INSTANCES_ENVIRONMENT_ID", "f");
        let both = [own[0], own[1], own[2], own[3], other, environment];
        assert_shared(placement(both), &ids("q", "f"));
    }

    #[test]
    fn no_place_two_places_and_one_out_of_reach_are_faults() {
        let fault = |placement: Result<Placement, SettingsError>| {
            placement.unwrap_err().faults()[0].variable.clone()
        };
        assert_eq!(fault(placement([])), "RAILWAY_PROJECT_ID");
        assert_eq!(fault(placement([PROJECT, WORKSPACE])), "RAILWAY_PROJECT_ID");
        assert_eq!(
            fault(placement([PROJECT, ID, NAME])),
            "RAILWAY_ENVIRONMENT_ID"
        );
        assert_eq!(fault(placement([WORKSPACE, ID])), "RAILWAY_ENVIRONMENT_ID");
        for stray in [PROJECT, WORKSPACE, ID, NAME] {
            assert_eq!(
                fault(placement([PROJECT_TOKEN, stray])),
                "RAILWAY_TOKEN_KIND"
            );
        }
    }
}
