//! Lists: by label, page by page. A page's token belongs to the state at the time of the first page, and expires.

use serde_json::{Value, json};

use super::state::State;
use super::status::refuse;
use super::target::Resource;
use crate::http::{Answer, Request};

impl State {
    pub(super) fn list(
        &mut self,
        request: &Request,
        resource: Resource,
        namespace: &str,
    ) -> Result<Answer, Answer> {
        let query = |name: &str| {
            let pair = request.query.iter().find(|(key, _)| key == name);
            pair.map_or("", |(_, value)| value.as_str())
        };
        let mut items = match query("continue") {
            "" => self.selected(resource, namespace, query("labelSelector")),
            token => {
                let rest = self.pages.remove(token);
                let expired = std::mem::take(&mut self.expired);
                self.expired = expired.saturating_sub(1);
                rest.filter(|_| expired == 0).ok_or_else(|| {
                    refuse(410, "Expired", "The provided continue parameter is too old to display a consistent list result.")
                })?
            }
        };
        let limit = query("limit")
            .parse()
            .unwrap_or(usize::MAX)
            .min(self.options.page_size);
        let mut metadata = json!({ "resourceVersion": self.version.to_string() });
        if items.len() > limit {
            let token = self.ids.uuid();
            metadata["remainingItemCount"] = (items.len() - limit).into();
            metadata["continue"] = token.as_str().into();
            self.pages.insert(token, items.split_off(limit));
        }
        Ok(Answer::ok(json!({
            "apiVersion": resource.api_version(),
            "kind": format!("{}List", resource.kind()),
            "metadata": metadata,
            "items": items,
        })))
    }

    /// A namespace that does not exist has an empty list, as in Kubernetes.
    fn selected(&self, resource: Resource, namespace: &str, selector: &str) -> Vec<Value> {
        let objects = self.objects.iter();
        let own = objects.filter(|((of, within, _), object)| {
            *of == resource
                && within == namespace
                && matches(selector, &object.value["metadata"]["labels"])
        });
        let items = own.map(|(_, object)| {
            let mut item = object.value.clone();
            // The items of a list do not repeat their kind.
            if let Some(members) = item.as_object_mut() {
                members.remove("apiVersion");
                members.remove("kind");
            }
            item
        });
        items.collect()
    }

    /// The output of a pod whose container has started.
    pub(super) fn log(
        &self,
        request: &Request,
        key: &super::target::Key,
    ) -> Result<Answer, Answer> {
        let pod = self
            .objects
            .get(key)
            .ok_or_else(|| super::status::not_found(key))?;
        let container = &pod.value["status"]["containerStatuses"][0];
        let waits = container["state"]["running"].is_null()
            && container["lastState"]["terminated"].is_null();
        if waits {
            let reason = container["state"]["waiting"]["reason"]
                .as_str()
                .unwrap_or("ContainerCreating");
            let message = format!(
                "container \"agent\" in pod {:?} is waiting to start: {reason}",
                key.2
            );
            return Err(refuse(400, "BadRequest", message));
        }
        let lines = self.logs.get(&key.2).map_or(&[][..], Vec::as_slice);
        let tail = request.query.iter().find(|(name, _)| name == "tailLines");
        let tail: usize = tail
            .and_then(|(_, value)| value.parse().ok())
            .unwrap_or(lines.len());
        let last = &lines[lines.len().saturating_sub(tail)..];
        let text: String = last.iter().map(|line| format!("{line}\n")).collect();
        Ok(Answer::text(hyper::StatusCode::OK, "text/plain", text))
    }
}

/// Equality selectors only.
fn matches(selector: &str, labels: &Value) -> bool {
    let mut pairs = selector.split(',').filter(|pair| !pair.is_empty());
    pairs.all(|pair| {
        pair.split_once('=')
            .is_some_and(|(key, value)| labels[key] == value)
    })
}
