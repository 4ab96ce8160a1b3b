//! The permissions of the token's role.

use serde_json::{Value, json};

use super::state::State;
use super::status::refuse;
use crate::http::{Answer, Request};

impl State {
    /// Refuses what no rule allows, with the message of the API server.
    pub(super) fn allow(
        &self,
        verb: &str,
        group: &str,
        resource: &str,
        namespace: &str,
    ) -> Result<(), Answer> {
        let Some(rules) = &self.options.rules else {
            return Ok(());
        };
        let has = |rule: &Value, member: &str, wanted: &str| {
            let items = rule[member].as_array().into_iter().flatten();
            items.into_iter().any(|item| item == wanted || item == "*")
        };
        let allows = |rule: &Value| {
            has(rule, "verbs", verb)
                && has(rule, "apiGroups", group)
                && has(rule, "resources", resource)
        };
        if rules.iter().any(allows) {
            return Ok(());
        }
        let full = if group.is_empty() {
            resource.to_owned()
        } else {
            format!("{resource}.{group}")
        };
        let message = format!(
            "{full} is forbidden: User \"system:serviceaccount:{namespace}:services\" cannot {verb} resource \"{resource}\" in API group \"{group}\" in the namespace \"{namespace}\""
        );
        Err(refuse(403, "Forbidden", message))
    }

    /// Answers with the rules of the caller.
    pub(super) fn review(&mut self, request: &Request) -> Answer {
        let body = request.json().unwrap_or_default();
        if let Err(why) = super::schema::check("SelfSubjectRulesReview", &body) {
            self.faults.push(why.clone());
            return refuse(422, "Invalid", why);
        }
        let everything = json!([{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }]);
        let rules = self.options.rules.clone().map_or(everything, Value::from);
        let mut answer = body;
        answer["status"] =
            json!({ "resourceRules": rules, "nonResourceRules": [], "incomplete": false });
        Answer::json(hyper::StatusCode::CREATED, answer)
    }
}
