//! OpenRouter's routes and permissions.

use hyper::{Method, StatusCode};

use super::error;
use super::state::OpenRouter;
use crate::Vendor;
use crate::api::{ErrorSpec, RestVendor};
use crate::http::{Answer, BodyFault, Payload, Request, Route, row};
use crate::rate::Budget;

#[rustfmt::skip]
static ROUTES: &[Route<OpenRouter>] = &[
    row(Method::GET,    "/keys",            "list",            &["offset", "include_disabled", "workspace_id"], Payload::None, OpenRouter::list_keys),
    row(Method::POST,   "/keys",            "createKeys",      &[], Payload::Json, OpenRouter::create_key),
    row(Method::GET,    "/keys/{hash}",     "getKey",          &[], Payload::None, OpenRouter::get_key),
    row(Method::PATCH,  "/keys/{hash}",     "updateKeys",      &[], Payload::Json, OpenRouter::update_key),
    row(Method::DELETE, "/keys/{hash}",     "deleteKeys",      &[], Payload::None, OpenRouter::delete_key),
    row(Method::GET,    "/key",             "getCurrentKey",   &[], Payload::None, OpenRouter::current_key),
    row(Method::POST,   "/guardrails/{id}/assignments/keys", "bulkAssignKeysToGuardrail", &[], Payload::Json, OpenRouter::assign_guardrail),
    row(Method::GET,    "/credits",         "getCredits",      &[], Payload::None, OpenRouter::credits),
    row(Method::GET,    "/workspaces",      "listWorkspaces",  &["offset", "limit"], Payload::None, OpenRouter::list_workspaces),
    row(Method::POST,   "/workspaces",      "createWorkspace", &[], Payload::Json, OpenRouter::create_workspace),
    row(Method::GET,    "/workspaces/{id}", "getWorkspace",    &[], Payload::None, OpenRouter::get_workspace),
    row(Method::DELETE, "/workspaces/{id}", "deleteWorkspace", &[], Payload::None, OpenRouter::delete_workspace),
];

/// The operations where the specification declares the 403 of an ordinary key; the other calls
/// under `/keys` declare 401 alone [S].
const FORBIDDEN_DECLARED: [&str; 4] = [
    "createKeys",
    "getCredits",
    "createWorkspace",
    "deleteWorkspace",
];

impl RestVendor for OpenRouter {
    const VENDOR: Vendor = Vendor::OpenRouter;
    const BASE: &'static str = "/openrouter/api/v1";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    fn authorize(&self, request: &Request, operation: &str) -> Result<String, Answer> {
        let unauthorized = |text: &str| error::refuse(StatusCode::UNAUTHORIZED, text);
        let key = request
            .bearer()
            .ok_or_else(|| unauthorized("Missing Authentication header"))?;
        if self
            .options
            .management_keys
            .iter()
            .any(|known| known == key)
        {
            return Ok(key.to_owned());
        }
        let ordinary = self
            .held
            .keys
            .iter()
            .any(|known| known.secret == key && !known.disabled);
        if ordinary && operation == "getCurrentKey" {
            return Ok(key.to_owned());
        }
        // An ordinary key may not manage keys [D].
        Err(if ordinary && FORBIDDEN_DECLARED.contains(&operation) {
            let text = "Only management keys can perform this operation";
            error::refuse(StatusCode::FORBIDDEN, text)
        } else if ordinary {
            unauthorized("Only management keys can perform this operation")
        } else {
            unauthorized("User not found.")
        })
    }

    fn error(spec: &ErrorSpec) -> Answer {
        error::answer(spec)
    }

    fn body_error(fault: &BodyFault) -> Answer {
        error::body(fault)
    }

    fn add_rate_limit(answer: Answer, budget: Budget) -> Answer {
        error::add_rate_limit(answer, budget)
    }
}
