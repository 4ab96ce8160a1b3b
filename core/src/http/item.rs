//! List items that are parsed one by one.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tracing::debug;

use super::ProviderResult;
use super::reply::describe_mismatch;
use crate::{ErrorKind, Mark, ProviderError};

/// One item of a vendor's list, which may be of a form that this version does not know.
///
/// An account also holds items that other programs and people created. A `null`, an absent member or an unknown word
/// in one of their items must not fail the whole list.
/// [`VendorRequest::fetch_pages`](super::VendorRequest::fetch_pages) and [`known_items`] therefore skip an item that
/// cannot be read. They fail only if it bears our mark: a list without it would look as if the resource did not
/// exist.
///
/// ```
/// # use agent_pool_core::prelude::*;
/// #[derive(Deserialize)]
/// struct Keys {
///     keys: Vec<ListItem<Key>>,
/// }
///
/// #[derive(Deserialize)]
/// struct Key {
///     id: String,
/// }
///
/// // Somebody else's key has no id.
/// let keys: Keys = serde_json::from_str(r#"{"keys": [{"id": "key-1"}, {"id": null}]}"#).unwrap();
/// assert_eq!(keys.keys.len(), 2);
/// ```
#[derive(Clone)]
pub struct ListItem<T>(Read<T>);

#[derive(Clone)]
enum Read<T> {
    Known(T),
    Unknown { problem: String, texts: Vec<String> },
}

/// Omits the texts of an item that could not be read, because they may contain secrets.
impl<T: fmt::Debug> fmt::Debug for ListItem<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Read::Known(item) => item.fmt(f),
            Read::Unknown { problem, .. } => f.debug_tuple("Unknown").field(problem).finish(),
        }
    }
}

impl<T> ListItem<T> {
    /// The item, if it could be read.
    #[must_use]
    pub const fn known(&self) -> Option<&T> {
        match &self.0 {
            Read::Known(item) => Some(item),
            Read::Unknown { .. } => None,
        }
    }
}

impl<T> From<T> for ListItem<T> {
    fn from(item: T) -> Self {
        Self(Read::Known(item))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ListItem<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let mut texts = Vec::new();
        collect_texts(&value, &mut texts);
        Ok(Self(match serde_path_to_error::deserialize(value) {
            Ok(item) => Read::Known(item),
            Err(error) => Read::Unknown {
                problem: describe_mismatch(&error),
                texts,
            },
        }))
    }
}

fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(members) => members.values().for_each(|item| collect_texts(item, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The items that could be read. Others are skipped and counted in `agent_pool_vendor_items_skipped_total`.
///
/// # Errors
/// [`ErrorKind::Protocol`] if an item that bears `mark` cannot be read. The error names the member, never its value.
pub fn known_items<T>(
    vendor: &'static str,
    mark: &Mark,
    items: Vec<ListItem<T>>,
) -> ProviderResult<Vec<T>> {
    let mut known = Vec::with_capacity(items.len());
    let mut skipped = 0_u64;
    for ListItem(item) in items {
        match item {
            Read::Known(item) => known.push(item),
            Read::Unknown { problem, texts } if texts.iter().any(|text| bears(mark, text)) => {
                let problem = format!(
                    "answered a list in which an item of ours is not as expected at {problem}"
                );
                return Err(ProviderError::new(ErrorKind::Protocol, problem));
            }
            Read::Unknown { problem, .. } => {
                debug!(
                    "{vendor} lists an item that is not ours and not as expected at {problem}; skipped"
                );
                skipped += 1;
            }
        }
    }
    if skipped > 0 {
        let counter =
            metrics::counter!("agent_pool_vendor_items_skipped_total", "provider" => vendor);
        counter.increment(skipped);
    }
    Ok(known)
}

/// A label may be part of a text, such as the user name of an address.
fn bears(mark: &Mark, text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.any(|word| mark.instance(word).is_some())
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Key {
        id: String,
        #[expect(dead_code, reason = "only reading it is tested")]
        status: Status,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Status {
        Active,
    }

    fn read(items: Value) -> ProviderResult<Vec<String>> {
        let items: Vec<ListItem<Key>> = serde_json::from_value(items).unwrap();
        let mark = Mark::new(&"dev".parse().unwrap());
        let known = known_items("acme", &mark, items)?;
        Ok(known.into_iter().map(|key| key.id).collect())
    }

    #[test]
    fn a_foreign_item_that_cannot_be_read_is_skipped_and_counted() {
        let recorder = DebuggingRecorder::new();
        let counters = recorder.snapshotter();
        let ids = metrics::with_local_recorder(&recorder, || {
            read(json!([
                { "id": "a", "status": "active" },
                { "id": null, "status": "active" },
                { "id": "b" },
                { "id": "c", "status": "on hold", "name": "ap-dev-2-k3v9x0a1b2c3" },
                null,
                { "id": "d", "status": "active", "new": {} },
            ]))
        });
        assert_eq!(ids.unwrap(), ["a", "d"]);
        let counters = counters.snapshot().into_vec();
        assert!(
            matches!(counters[0].3, DebugValue::Counter(4)),
            "{counters:?}"
        );
    }

    #[test]
    fn an_item_of_ours_that_cannot_be_read_fails_the_list() {
        for name in ["ap-dev-k3v9x0a1b2c3", "ap-dev-k3v9x0a1b2c3@mail.example"] {
            let item = json!({ "id": "a", "status": "sk-secret", "tags": [name] });
            let error = read(json!([item])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            let text = error.to_string();
            assert!(
                text.contains("at status: ") && !text.contains("sk-secret"),
                "{text}"
            );
        }
    }
}
