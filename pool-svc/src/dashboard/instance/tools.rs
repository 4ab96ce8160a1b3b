//! The form that adds a tool to an instance or releases one.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{InstanceId, ToolId};
use maud::{Markup, html};
use serde::Deserialize;
use warp::reply::Response;

use super::super::session::{Role, Session};
use super::super::{page, reply};
use crate::ops::instance_tools::ToolRequest;
use crate::pool::Pool;
use crate::problem::invalid_field;

/// What to do about a tool.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Act {
    Add,
    Release,
}

#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct ToolForm {
    act: Act,
    tool: String,
}

/// `POST /instances/:id/tools`
pub(in crate::dashboard) async fn change_tools(
    id: InstanceId,
    _session: Session,
    form: ToolForm,
    pool: Pool,
) -> Result<Response, Problem> {
    let tool: Result<ToolId, _> = form.tool.trim().parse();
    let tool = tool.map_err(|error| invalid_field("tool", error))?;
    let request = ToolRequest::of_operator(pool.app, id.clone(), tool).await?;
    let tasks = &pool.background.tasks;
    match form.act {
        Act::Add => drop(tasks.spawn("add_tool", request.add()).await??),
        Act::Release => drop(tasks.spawn("release_tool", request.release()).await??),
    }
    Ok(reply::see_other(&format!("/instances/{id}")))
}

/// The form, for operators. `offered` are the tools that the pool gives on demand.
pub(super) fn form(session: &Session, id: &InstanceId, offered: &[ToolId]) -> Markup {
    html! {
        @if session.role == Role::Operator {
            form .card.short method="post" action={ "/instances/" (id) "/tools" } {
                (page::csrf_field(session))
                h2 { "Add or release a tool" }
                div .field {
                    label for="tool" { "Tool" }
                    input #tool name="tool" list="offered" required autocomplete="off";
                    datalist #offered { @for tool in offered { option value=(tool) {} } }
                }
                p .hint { "The agent receives the variables of an added tool. A released tool is destroyed." }
                div .actions {
                    button type="submit" name="act" value="add" { "Add" }
                    button type="submit" name="act" value="release" { "Release" }
                }
            }
        }
    }
}
