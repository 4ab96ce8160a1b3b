//! AgentMail's routes.

use hyper::Method;

use super::error;
use super::state::AgentMail;
use crate::Vendor;
use crate::api::{ErrorSpec, RestVendor};
use crate::http::{Answer, BodyFault, Payload, Request, Route, row};
use crate::rate::Budget;

const PAGED: &[&str] = &["limit", "page_token", "ascending"];

#[rustfmt::skip]
static ROUTES: &[Route<AgentMail>] = &[
    row(Method::GET,    "/v0/inboxes",                          "inboxes_list",           PAGED, Payload::None, AgentMail::list_inboxes),
    row(Method::POST,   "/v0/inboxes",                          "inboxes_create",         &[],   Payload::Json, AgentMail::create_inbox),
    row(Method::GET,    "/v0/inboxes/{id}",                     "inboxes_get",            &[],   Payload::None, AgentMail::get_inbox),
    row(Method::PATCH,  "/v0/inboxes/{id}",                     "inboxes_update",         &[],   Payload::Json, AgentMail::update_inbox),
    row(Method::DELETE, "/v0/inboxes/{id}",                     "inboxes_delete",         &[],   Payload::None, AgentMail::delete_inbox),
    row(Method::GET,    "/v0/inboxes/{id}/api-keys",            "inboxes_apiKeys_list",   PAGED, Payload::None, AgentMail::list_keys),
    row(Method::POST,   "/v0/inboxes/{id}/api-keys",            "inboxes_apiKeys_create", &[],   Payload::Json, AgentMail::create_key),
    row(Method::DELETE, "/v0/inboxes/{id}/api-keys/{key}",      "inboxes_apiKeys_delete", &[],   Payload::None, AgentMail::delete_key),
    row(Method::GET,    "/v0/pods/{pod}/inboxes",               "pods_inboxes_list",      PAGED, Payload::None, AgentMail::list_pod_inboxes),
    row(Method::POST,   "/v0/pods/{pod}/inboxes",               "pods_inboxes_create",    &[],   Payload::Json, AgentMail::create_pod_inbox),
    row(Method::POST,   "/v0/webhooks",                         "webhooks_create",        &[],   Payload::Json, AgentMail::create_webhook),
    row(Method::GET,    "/v0/auth/me",                          "auth_me",                &[],   Payload::None, AgentMail::who_am_i),
    row(Method::GET,    "/v0/organizations",                    "organizations_get",      &[],   Payload::None, AgentMail::organization),
];

impl RestVendor for AgentMail {
    const VENDOR: Vendor = Vendor::AgentMail;
    const BASE: &'static str = "/agentmail";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    fn authorize(&self, request: &Request, operation: &str) -> Result<String, Answer> {
        self.admit(request, operation)
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
