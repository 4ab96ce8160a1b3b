//! Who asks: three kinds of token, two headers, and what each may see.

use super::message::Refusal;
use super::state::State;
use crate::http::Request;

/// The bearer of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// All of the user, `me` included [D].
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
    /// Reads the token. A bad one is a 200 with `Not Authorized`, or `Project Token not found` for
    /// the other header [CLI].
    pub(crate) fn of(request: &Request, state: &State) -> Result<Self, Refusal> {
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

    /// Whether this project may be touched.
    pub(crate) fn sees_project(&self, id: &str) -> bool {
        match self {
            Self::Account | Self::Workspace => true,
            Self::Project { project, .. } => project == id,
        }
    }

    /// Whether this environment of a project that is seen may be touched.
    pub(crate) fn sees_environment(&self, id: &str) -> bool {
        match self {
            Self::Account | Self::Workspace => true,
            Self::Project { environment, .. } => environment == id,
        }
    }

    /// A project token makes and lists no projects [D].
    pub(crate) fn whole_workspace(&self) -> Result<(), Refusal> {
        match self {
            Self::Account | Self::Workspace => Ok(()),
            Self::Project { .. } => Err(Refusal::not_authorized()),
        }
    }
}
