//! The caller: three kinds of token in two headers, and what each may access.

use super::message::Refusal;
use super::state::State;
use crate::http::Request;

/// The bearer of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Everything of the user, including `me` [D].
    Account,
    /// The workspace, but not `me` [D].
    Workspace,
    /// One environment of one project [D].
    Project {
        project: String,
        environment: String,
    },
}

impl Caller {
    /// Reads the token. An invalid one is a 200 with `Not Authorized`, or `Project Token not found` in
    /// the other header [CLI].
    pub(crate) fn authenticate(request: &Request, state: &State) -> Result<Self, Refusal> {
        let tokens = &state.options.tokens;
        if let Some(token) = request.header("project-access-token") {
            if token != tokens.project {
                return Err(Refusal::not_found("Project Token"));
            }
            let (project, environment) = state.first.clone();
            return Ok(Self::Project {
                project,
                environment,
            });
        }
        match request.bearer() {
            Some(token) if token == tokens.account => Ok(Self::Account),
            Some(token) if token == tokens.workspace => Ok(Self::Workspace),
            Some(_) | None => Err(Refusal::not_authorized()),
        }
    }

    /// Whether the caller may access this project.
    pub(crate) fn sees_project(&self, id: &str) -> bool {
        match self {
            Self::Account | Self::Workspace => true,
            Self::Project { project, .. } => project == id,
        }
    }

    /// Whether the caller may access this environment of an accessible project.
    pub(crate) fn sees_environment(&self, id: &str) -> bool {
        match self {
            Self::Account | Self::Workspace => true,
            Self::Project { environment, .. } => environment == id,
        }
    }

    /// A project token can neither create nor list projects [D].
    pub(crate) fn whole_workspace(&self) -> Result<(), Refusal> {
        match self {
            Self::Account | Self::Workspace => Ok(()),
            Self::Project { .. } => Err(Refusal::not_authorized()),
        }
    }
}
