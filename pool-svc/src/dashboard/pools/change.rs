//! The forms of the pools page.

use agent_pool_core::PoolName;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use maud::html;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::Session;
use super::super::{gate, reply};
use crate::app::App;
use crate::handlers::pools::require;
use crate::pool::Pool;
use crate::pools::change::{self, Change};
use crate::pools::view::load_views;
use crate::problem::{from_database, invalid_field};

/// The policy as the form has it. Empty fields follow the settings.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dashboard) struct PolicyForm {
    version: u32,
    #[serde(default)]
    min_idle: String,
    #[serde(default)]
    max_total: String,
    #[serde(default)]
    max_starting: String,
    #[serde(default)]
    max_failures: String,
    #[serde(default)]
    max_idle_seconds: String,
    #[serde(default)]
    ttl_seconds: String,
    #[serde(default)]
    idle_timeout_seconds: String,
    #[serde(default)]
    warning_seconds: String,
    #[serde(default)]
    budget: String,
}

impl PolicyForm {
    /// The members of the policy, null where a field is empty.
    fn policy(&self) -> Result<Map<String, Value>, Problem> {
        let fields = [
            ("minIdle", &self.min_idle),
            ("maxTotal", &self.max_total),
            ("maxStarting", &self.max_starting),
            ("maxFailures", &self.max_failures),
            ("maxIdleSeconds", &self.max_idle_seconds),
            ("ttlSeconds", &self.ttl_seconds),
            ("idleTimeoutSeconds", &self.idle_timeout_seconds),
            ("warningSeconds", &self.warning_seconds),
        ];
        let member =
            |(name, text): (&str, &String)| Ok((name.to_owned(), number(name, text)?.into()));
        let members = fields.into_iter().map(member);
        let mut policy = members.collect::<Result<Map<_, _>, Problem>>()?;
        let budget = Some(self.budget.trim()).filter(|budget| !budget.is_empty());
        policy.insert("budget".to_owned(), budget.into());
        Ok(policy)
    }
}

/// `POST /pools/:name`
pub(in crate::dashboard) async fn save(
    name: PoolName,
    _session: Session,
    form: PolicyForm,
    pool: Pool,
) -> Result<Response, Problem> {
    let policy = json!({ "policy": form.policy()? });
    patch(name, policy, Some(form.version), pool).await
}

/// The number in a field; `None` if it is empty.
pub(super) fn number(field: &str, text: &str) -> Result<Option<u32>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().map(Some);
    number.map_err(|_| invalid_field(field, "expected a whole number"))
}

/// Whether to pause or to resume.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct PauseForm {
    paused: bool,
}

/// `POST /pools/:name/pause`
pub(in crate::dashboard) async fn pause(
    name: PoolName,
    _session: Session,
    form: PauseForm,
    pool: Pool,
) -> Result<Response, Problem> {
    let policy = json!({ "policy": { "paused": form.paused } });
    patch(name, policy, None, pool).await
}

async fn patch(
    name: PoolName,
    what: Value,
    version: Option<u32>,
    pool: Pool,
) -> Result<Response, Problem> {
    let (app, background) = (&pool.app, &pool.background);
    change::change(app, background, &name, Change::Patch(what), version).await?;
    Ok(reply::see_other(&format!("/pools/{name}")))
}

/// `GET /pools/:name/delete`
pub(in crate::dashboard) async fn confirm_delete(
    name: PoolName,
    session: Session,
    app: App,
) -> Result<Response, Problem> {
    gate::require_operator(&session)?;
    require(&name, &app).await?;
    let pools = load_views(&app).await.map_err(from_database)?;
    let others = pools.iter().filter(|pool| pool.name != name);
    let content = html! {
        div .head { h1 { "Delete pool " (name) "?" } }
        form .card.short method="post" action={ "/pools/" (name) "/delete" } {
            (page::csrf_field(&session))
            p { "Its idle and starting instances are destroyed. Claimed ones move to another pool." }
            div .field {
                label for="moveTo" { "Move agents to" }
                select #moveTo name="moveTo" {
                    option value="" { "Do not delete if there are any" }
                    @for pool in others { option value=(pool.name) { (pool.name) } }
                }
            }
            div .actions {
                button type="submit" .danger { "Delete" }
                a .button href={ "/pools/" (name) } { "Cancel" }
            }
        }
    };
    let page = page::layout(&app, &session, Some(Tab::Pools), "Delete pool", &content);
    Ok(reply::ok(page))
}

/// The pool that the agents move to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dashboard) struct DeleteForm {
    #[serde(default)]
    move_to: String,
}

/// `POST /pools/:name/delete`
pub(in crate::dashboard) async fn delete(
    name: PoolName,
    _session: Session,
    form: DeleteForm,
    pool: Pool,
) -> Result<Response, Problem> {
    let target = (!form.move_to.is_empty()).then(|| form.move_to.parse());
    let target: Option<PoolName> = target.transpose().map_err(|error| {
        Problem::new(ProblemCode::InvalidField, format!("{error}")).with_field("moveTo")
    })?;
    change::delete(&pool.app, &pool.destructions, &name, target.as_ref()).await?;
    Ok(reply::see_other("/pools"))
}
