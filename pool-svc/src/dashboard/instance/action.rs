//! Actions on one instance, each with a confirmation page.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, Status, UpgradeRequest};
use agent_pool_core::wire::problem::Problem;
use maud::html;
use serde::Deserialize;
use tracing::info;
use warp::reply::Response;

use super::super::gate::{self, Nothing};
use super::super::page::{self, Tab};
use super::super::reply;
use super::super::session::Session;
use super::find::find;
use crate::app::App;
use crate::handlers::{instances, rollouts};
use crate::pool::Pool;
use crate::problem::from_services;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::dashboard) enum Action {
    Kill,
    Dismiss,
    Redeploy,
    Protect,
    Unprotect,
    Upgrade,
}

impl std::str::FromStr for Action {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [
            Self::Kill,
            Self::Dismiss,
            Self::Redeploy,
            Self::Upgrade,
            Self::Protect,
            Self::Unprotect,
        ];
        all.into_iter()
            .find(|action| action.as_str() == word)
            .ok_or("an instance has no such action")
    }
}

impl Action {
    /// The actions that the state of an instance allows.
    pub(super) fn available(instance: &InstanceView) -> Vec<Self> {
        match instance.status {
            Status::Destroying => Vec::new(),
            _ if instance.protected => vec![Self::Redeploy, Self::Unprotect],
            Status::Starting | Status::Claiming => vec![Self::Kill],
            Status::Idle => vec![Self::Redeploy, Self::Protect, Self::Kill],
            Status::Claimed => vec![Self::Upgrade, Self::Redeploy, Self::Protect, Self::Kill],
            Status::Crashed => vec![Self::Redeploy, Self::Protect, Self::Dismiss],
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Dismiss => "dismiss",
            Self::Redeploy => "redeploy",
            Self::Protect => "protect",
            Self::Unprotect => "unprotect",
            Self::Upgrade => "upgrade",
        }
    }

    pub(super) const fn button(self) -> &'static str {
        match self {
            Self::Kill => "Kill",
            Self::Dismiss => "Dismiss",
            Self::Redeploy => "Redeploy",
            Self::Protect => "Protect",
            Self::Unprotect => "Unprotect",
            Self::Upgrade => "Upgrade",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Kill | Self::Dismiss => "danger",
            Self::Redeploy | Self::Upgrade | Self::Protect | Self::Unprotect => "primary",
        }
    }

    /// The text of the confirmation page.
    const fn warning(self, status: Status) -> &'static str {
        match (self, status) {
            (Self::Kill, Status::Claimed) => {
                "This instance is in use as an agent. Its deployment, volume, tools and conversations \
                 are destroyed. This cannot be undone."
            }
            (Self::Kill, Status::Claiming) => {
                "A claim is using this instance. The claim fails or continues with another instance. \
                 All resources of this instance are destroyed."
            }
            (Self::Kill, _) => {
                "Its deployment, volume and tools are destroyed. The pool creates a replacement if it \
                 needs one."
            }
            (Self::Dismiss, _) => {
                "This agent has crashed. Its remaining resources, such as its volume and tools, are \
                 destroyed. This cannot be undone."
            }
            (Self::Redeploy, _) => {
                "Deploys the instance again with the same volume and tools. It does not answer until the \
                 new deployment is running."
            }
            (Self::Protect, _) => {
                "A protected instance is not claimed, drained, replaced or killed until its protection is \
                 lifted. It does not count as an idle one, and it costs as long as it exists."
            }
            (Self::Unprotect, _) => {
                "The instance can then be claimed, drained, replaced and killed again."
            }
            (Self::Upgrade, _) => {
                "Deploys the instance with the recipe of its pool as it is now: image, tools and variables. Its \
                 volume and conversation stay. It does not answer until the new deployment is running."
            }
        }
    }

    /// The action that was performed, and its progress; `exists` is true until all resources of the instance are
    /// destroyed.
    pub(super) const fn outcome(self, exists: bool) -> &'static str {
        match (self, exists) {
            (Self::Kill, true) => "Killed. Its resources are being destroyed.",
            (Self::Dismiss, true) => "Dismissed. Its resources are being destroyed.",
            (Self::Kill, false) => "Killed. All its resources are destroyed.",
            (Self::Dismiss, false) => "Dismissed. All its resources are destroyed.",
            (Self::Upgrade, _) => "Upgrade requested. The section below shows its progress.",
            (Self::Redeploy, _) => {
                "Redeploying. The infrastructure section shows the state of the deployment."
            }
            (Self::Protect, _) => "Protected. It stays until the protection is removed.",
            (Self::Unprotect, _) => "No longer protected.",
        }
    }
}

/// `GET /instances/:id/:act`
pub(in crate::dashboard) async fn confirm(
    id: InstanceId,
    action: Action,
    session: Session,
    app: App,
) -> Result<Response, Problem> {
    gate::require_operator(&session)?;
    let view = find(&app, &id).await?;
    let name = view.agent_name.unwrap_or_else(|| id.to_string());
    let title = format!("{} {name}?", action.button());
    let content = html! {
        div .head { div { h1 { (title) } p .hint { "Instance " (id) ", " (view.status.as_str()) } } }
        form .card.short method="post" action={ "/instances/" (id) "/" (action.as_str()) } {
            (page::csrf_field(&session))
            p { (action.warning(view.status)) }
            div .actions {
                button type="submit" class=(action.class()) { (action.button()) }
                a .button href={ "/instances/" (id) } { "Cancel" }
            }
        }
    };
    let page = page::layout(&app, &session, Some(Tab::Fleet), &title, &content);
    Ok(reply::ok(page))
}

/// `POST /instances/:id/:act`
pub(in crate::dashboard) async fn perform(
    id: InstanceId,
    action: Action,
    _session: Session,
    _: Nothing,
    pool: Pool,
) -> Result<Response, Problem> {
    match action {
        Action::Kill => drop(instances::kill(id.clone(), pool.destructions).await?),
        Action::Dismiss => drop(instances::dismiss(id.clone(), pool.destructions).await?),
        Action::Protect => drop(Box::pin(instances::protect(id.clone(), pool)).await?),
        Action::Unprotect => drop(Box::pin(instances::unprotect(id.clone(), pool)).await?),
        Action::Upgrade => {
            let request = UpgradeRequest {
                instance_ids: vec![id.clone()],
                pool: None,
                batch: 1,
            };
            drop(Box::pin(rollouts::upgrade(request, pool)).await?);
        }
        Action::Redeploy => {
            let redeployed = pool.app.services.redeploy(&id).await;
            redeployed.map_err(|error| from_services("the redeployment", &error))?;
            info!(instance.id = %id, "instance {id} is being redeployed");
            // A tick updates the status that the page shows.
            pool.background.request_tick();
        }
    }
    Ok(reply::see_other(&format!(
        "/instances/{id}?done={}",
        action.as_str()
    )))
}
