//! Workspaces: they separate keys, and `GET /keys` lists those of one workspace.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{OpenRouter, OpenRouterWorkspace};
use super::{WorkspaceList, error};
use crate::api::read;
use crate::http::{Answer, BodyFault, Call};
use crate::time;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewWorkspace {
    name: String,
    slug: String,
    description: Option<String>,
}

impl OpenRouterWorkspace {
    fn json(&self, description: Option<&str>) -> Value {
        json!({
            "id": self.id, "name": self.name, "slug": self.slug, "description": description,
            "created_at": self.created_at, "updated_at": null, "created_by": null,
            "default_guardrail_id": self.id, "default_image_model": null, "default_text_model": null,
            "default_provider_sort": null, "io_logging_api_key_ids": null,
            "io_logging_sampling_rate": 1.0, "is_data_discount_logging_enabled": false,
            "is_observability_broadcast_enabled": false, "is_observability_io_logging_enabled": false,
        })
    }
}

impl OpenRouter {
    pub(crate) fn list_workspaces(&mut self, call: &Call) -> Result<Answer, Answer> {
        match self.options.workspaces {
            WorkspaceList::All => {}
            WorkspaceList::Empty => return Ok(Answer::ok(json!({"data": [], "total_count": 0}))),
            WorkspaceList::Forbidden => {
                return Err(error::refuse(
                    StatusCode::FORBIDDEN,
                    "Workspaces are not enabled",
                ));
            }
            WorkspaceList::NotFound => return Err(error::not_found("Workspaces")),
        }
        let number = |name: &str, usual: usize| match call.param(name) {
            None => Ok(usual),
            Some(text) => text
                .parse()
                .map_err(|_| error::body(&BodyFault::value(name, "must be a whole number"))),
        };
        // 50 by default, at most 100 [S].
        let limit = number("limit", 50)?.clamp(1, 100);
        let listed = self
            .held
            .workspaces
            .iter()
            .skip(number("offset", 0)?)
            .take(limit);
        let data: Vec<_> = listed.map(|space| space.json(None)).collect();
        Ok(Answer::ok(
            json!({"data": data, "total_count": self.held.workspaces.len()}),
        ))
    }

    pub(crate) fn create_workspace(&mut self, call: &Call) -> Result<Answer, Answer> {
        let new: NewWorkspace = read::<Self, _>(call)?;
        if self
            .held
            .workspaces
            .iter()
            .any(|space| space.slug == new.slug)
        {
            return Err(error::body(&BodyFault::value("slug", "already taken")));
        }
        let space = OpenRouterWorkspace {
            id: self.ids.uuid(),
            name: new.name,
            slug: new.slug,
            created_at: time::now(),
        };
        let body = json!({"data": space.json(new.description.as_deref())});
        self.held.workspaces.push(space);
        Ok(Answer::json(StatusCode::CREATED, body))
    }

    pub(crate) fn get_workspace(&mut self, call: &Call) -> Result<Answer, Answer> {
        let space = self
            .held
            .workspaces
            .iter()
            .find(|space| space.id == call.segment(0));
        let space = space.ok_or_else(|| error::not_found("Workspace"))?;
        Ok(Answer::ok(json!({"data": space.json(None)})))
    }

    /// Neither the default workspace nor one with keys can be deleted.
    pub(crate) fn delete_workspace(&mut self, call: &Call) -> Result<Answer, Answer> {
        let id = call.segment(0);
        if !self.held.workspaces.iter().any(|space| space.id == id) {
            return Err(error::not_found("Workspace"));
        }
        let used = self.held.keys.iter().any(|key| key.workspace_id == id);
        if used || id == self.default_workspace() {
            let text = "The default workspace and workspaces with keys cannot be deleted";
            return Err(error::refuse(StatusCode::BAD_REQUEST, text));
        }
        self.held.workspaces.retain(|space| space.id != id);
        Ok(Answer::ok(json!({"deleted": true})))
    }
}
