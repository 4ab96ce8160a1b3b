//! The form that changes the spending limit of an agent's tool.

use agent_pool_core::wire::pool::{Status, ToolChange};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{InstanceId, ToolId, ToolOptions};
use maud::{Markup, html};
use serde::Deserialize;
use warp::reply::Response;

use super::super::db::fleet::InstanceRow;
use super::super::session::{Role, Session};
use super::super::{page, reply};
use crate::app::App;
use crate::handlers::costs::change_tool;
use crate::problem::invalid_field;

/// The form, for an agent with tools.
pub(super) fn form(session: &Session, id: &InstanceId, row: &InstanceRow) -> Markup {
    let tools = row.tools.as_deref().unwrap_or_default();
    let shown =
        session.role == Role::Operator && row.view.status == Status::Claimed && !tools.is_empty();
    html! {
        @if shown {
            form .card method="post" action={ "/instances/" (id) "/limit" } aria-labelledby="limit-title" {
                h2 #limit-title { "Spending limit" }
                (page::csrf_field(session))
                div .field {
                    label for="limited-tool" { "Tool" }
                    select #limited-tool name="tool" { @for tool in tools { option value=(tool) { (tool) } } }
                }
                div .field {
                    label for="limit" { "New limit" }
                    input #limit type="number" name="limit" min="0" step="any" required;
                    p .hint { "In the unit of the tool; OpenRouter counts US dollars." }
                }
                div .actions { button type="submit" { "Change limit" } }
            }
        }
    }
}

/// The form as it is sent.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct LimitForm {
    tool: String,
    limit: f64,
}

/// `POST /instances/:id/limit`
pub(in crate::dashboard) async fn change_limit(
    id: InstanceId,
    _session: Session,
    form: LimitForm,
    app: App,
) -> Result<Response, Problem> {
    let tool: Result<ToolId, _> = form.tool.parse();
    let tool = tool.map_err(|error| invalid_field("tool", error))?;
    let config = ToolOptions::from_iter([("limit".to_owned(), form.limit.into())]);
    change_tool(id.clone(), tool, ToolChange { config }, app).await?;
    Ok(reply::see_other(&format!("/instances/{id}")))
}
