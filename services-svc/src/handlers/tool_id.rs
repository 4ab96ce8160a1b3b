//! The id of a tool in a path.

use agent_pool_core::ToolId;
use agent_pool_core::wire::problem::{Problem, ProblemCode};

/// A malformed id is answered like a tool that this build lacks.
pub(super) fn parse_tool(id: &str) -> Result<ToolId, Problem> {
    id.parse()
        .map_err(|error| Problem::new(ProblemCode::UnknownTool, format!("{error}")))
}
