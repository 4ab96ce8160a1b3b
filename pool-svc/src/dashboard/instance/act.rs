//! What an operator does to one instance, after they said that they mean it.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_core::wire::problem::Problem;
use maud::html;
use serde::Deserialize;
use tracing::info;
use warp::reply::Response;

use super::super::gate::{self, Nothing};
use super::super::page::{self, Tab};
use super::super::reply;
use super::super::session::Session;
use crate::app::App;
use crate::handlers::instances;
use crate::problem::from_services;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::dashboard) enum Act {
    Kill,
    Dismiss,
    Redeploy,
}

impl std::str::FromStr for Act {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let all = [Self::Kill, Self::Dismiss, Self::Redeploy];
        all.into_iter().find(|act| act.as_str() == word).ok_or(())
    }
}

impl Act {
    /// What can be done to an instance.
    pub(super) fn of(status: Status) -> Vec<Self> {
        match status {
            Status::Starting | Status::Claiming => vec![Self::Kill],
            Status::Idle | Status::Claimed => vec![Self::Redeploy, Self::Kill],
            Status::Crashed => vec![Self::Redeploy, Self::Dismiss],
            Status::Destroying => Vec::new(),
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Dismiss => "dismiss",
            Self::Redeploy => "redeploy",
        }
    }

    pub(super) const fn button(self) -> &'static str {
        match self {
            Self::Kill => "Kill",
            Self::Dismiss => "Dismiss",
            Self::Redeploy => "Redeploy",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Kill | Self::Dismiss => "danger",
            Self::Redeploy => "primary",
        }
    }

    /// What will happen.
    const fn warning(self, status: Status) -> &'static str {
        match (self, status) {
            (Self::Kill, Status::Claimed) => {
                "It is somebody's agent. Its deployment, its volume and its tools are destroyed, and its \
                 conversations with them. This cannot be undone."
            }
            (Self::Kill, Status::Claiming) => {
                "A claim is at work on it, and will fail or go on with another one. All that it has is \
                 destroyed."
            }
            (Self::Kill, _) => {
                "Its deployment, its volume and its tools are destroyed. The pool makes another one where \
                 one is missing."
            }
            (Self::Dismiss, _) => {
                "It was somebody's agent, and is dead. What is left of it is destroyed: its volume and its \
                 tools too. This cannot be undone."
            }
            (Self::Redeploy, _) => {
                "It is deployed again as it is, with its volume and its tools. It does not answer until its \
                 new deployment is up."
            }
        }
    }

    /// What was done, and how far it is; `exists` until all resources of the instance are destroyed.
    pub(super) const fn outcome(self, exists: bool) -> &'static str {
        match (self, exists) {
            (Self::Kill, true) => "Killed. Its resources are being destroyed.",
            (Self::Dismiss, true) => "Dismissed. Its resources are being destroyed.",
            (Self::Kill, false) => "Killed. All its resources are destroyed.",
            (Self::Dismiss, false) => "Dismissed. All its resources are destroyed.",
            (Self::Redeploy, _) => {
                "Redeploying. The infrastructure section shows the state of the deployment."
            }
        }
    }
}

/// `GET /instances/:id/:act`
pub(in crate::dashboard) async fn confirm(
    id: InstanceId,
    act: Act,
    session: Session,
    app: App,
) -> Result<Response, Problem> {
    gate::operators_only(&session)?;
    let view = super::view(&app, &id).await?;
    let name = view.agent_name.unwrap_or_else(|| id.to_string());
    let title = format!("{} {name}?", act.button());
    let content = html! {
        div .head { div { h1 { (title) } p .hint { "Instance " (id) ", " (view.status.as_str()) } } }
        form .card.short method="post" action={ "/instances/" (id) "/" (act.as_str()) } {
            (page::token(&session))
            p { (act.warning(view.status)) }
            div .actions {
                button type="submit" class=(act.class()) { (act.button()) }
                a .button href={ "/instances/" (id) } { "Cancel" }
            }
        }
    };
    let page = page::signed_in(&app, &session, Some(Tab::Fleet), &title, &content);
    Ok(reply::ok(page))
}

/// `POST /instances/:id/:act`
pub(in crate::dashboard) async fn make(
    id: InstanceId,
    act: Act,
    _session: Session,
    _: Nothing,
    app: App,
) -> Result<Response, Problem> {
    match act {
        Act::Kill => drop(instances::kill(id.clone(), app).await?),
        Act::Dismiss => drop(instances::dismiss(id.clone(), app).await?),
        Act::Redeploy => {
            let redeployed = app.services.redeploy(&id).await;
            redeployed.map_err(|error| from_services("the redeployment", &error))?;
            info!(instance.id = %id, "instance {id} is deployed again: an operator asked for it");
            // The page shows what a tick finds.
            app.nudge.notify_one();
        }
    }
    Ok(reply::see_other(&format!(
        "/instances/{id}?done={}",
        act.as_str()
    )))
}
