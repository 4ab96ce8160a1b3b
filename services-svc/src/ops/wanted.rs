//! The tools that a request names, at hand before anything is made.

use std::collections::BTreeMap;

use agent_pool_core::ToolId;
use agent_pool_core::registry::LookupError;

use crate::app::App;
use crate::vendors::Tool;

/// A tool of the request cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("tools[{index}] cannot be had")]
pub(crate) struct Unavailable {
    /// Its place in the request.
    pub(crate) index: usize,
    pub(crate) source: LookupError,
}

/// Each tool once, however often it was asked for.
pub(crate) fn wanted_tools(
    app: &App,
    ids: &[ToolId],
) -> Result<BTreeMap<ToolId, Tool>, Unavailable> {
    let tools = ids.iter().enumerate().map(|(index, id)| {
        let tool = app.vendors().tool(id);
        tool.map(|tool| (id.clone(), tool))
            .map_err(|source| Unavailable { index, source })
    });
    let tools = tools.collect::<Result<_, Unavailable>>()?;
    app.vendors().registry().together(ids).map_err(|clash| {
        let index = ids.iter().position(|id| *id == clash.tool);
        Unavailable {
            index: index.unwrap_or_default(),
            source: clash.into(),
        }
    })?;
    Ok(tools)
}
