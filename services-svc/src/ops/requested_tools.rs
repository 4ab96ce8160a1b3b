//! The tools that a request names, resolved before anything is made.

use std::collections::BTreeMap;

use agent_pool_core::ToolId;
use agent_pool_core::registry::LookupError;

use crate::app::App;
use crate::providers::Tool;

/// A tool of the request is not available.
#[derive(Debug, thiserror::Error)]
#[error("tools[{index}] is not available")]
pub(crate) struct UnavailableTool {
    /// Its index in the request.
    pub(crate) index: usize,
    pub(crate) source: LookupError,
}

/// Each requested tool once, even if the request repeats it.
pub(crate) fn resolve_tools(
    app: &App,
    ids: &[ToolId],
) -> Result<BTreeMap<ToolId, Tool>, UnavailableTool> {
    let tools = ids.iter().enumerate().map(|(index, id)| {
        let tool = app.providers().tool(id);
        tool.map(|tool| (id.clone(), tool))
            .map_err(|source| UnavailableTool { index, source })
    });
    let tools = tools.collect::<Result<_, UnavailableTool>>()?;
    let together = app.providers().registry().together(ids);
    together.map_err(|clash| UnavailableTool {
        index: ids.iter().position(|id| *id == clash.tool).unwrap_or(0),
        source: clash.into(),
    })?;
    Ok(tools)
}
