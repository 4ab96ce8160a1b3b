//! The document about an instance that Services writes for people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// A document about an instance for people to read: sections of labels and values.
///
/// It is opaque to Pool and to the command line, which show it unchanged and do not interpret it. A provider's own
/// ids and terms reach them only in this document.
///
/// ```
/// # use {agent_pool_core::wire::services::Document, serde_json::json};
/// let body = json!({ "sections": [{ "title": "Infrastructure", "rows": [
///     { "label": "Provider", "value": "railway" },
///     { "label": "URL", "value": "https://a.example/", "link": "https://a.example/" },
/// ] }] });
/// let document: Document = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&document)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// In the order to show them.
    pub sections: Vec<DocumentSection>,
}

/// A titled list of a [`Document`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentSection {
    /// Its heading.
    pub title: String,
    /// In the order to show them.
    pub rows: Vec<DocumentRow>,
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentRow {
    /// The name of the value.
    pub label: String,
    /// The value as text.
    pub value: String,
    /// The target of a link on the value. Only http and https are shown as links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Url>,
}

/// The part of `GET /instances/:instanceId` that Pool reads. Its other members are for callers that
/// know vendors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceDocument {
    /// What to show.
    #[serde(default)]
    pub document: Document,
}

impl Document {
    /// Whether there is nothing to show.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }
}

impl DocumentSection {
    /// A section without rows.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Control characters are replaced, and the value is cut to 500 characters, because some values come
    /// from vendors.
    #[must_use]
    pub fn row(mut self, label: impl Into<String>, value: impl ToString) -> Self {
        let printable = |c: char| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        };
        let value = value.to_string();
        self.rows.push(DocumentRow {
            label: label.into().chars().map(printable).take(100).collect(),
            value: value.chars().map(printable).take(500).collect(),
            link: None,
        });
        self
    }

    /// Adds a row if there is a value.
    #[must_use]
    pub fn optional(self, label: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.row(label, value),
            None => self,
        }
    }

    /// Adds a row that links to `url`.
    #[must_use]
    pub fn link(mut self, label: &str, url: &Url) -> Self {
        self = self.row(label, url);
        if let Some(row) = self.rows.last_mut() {
            row.link = Some(url.clone());
        }
        self
    }

    /// Adds a row for each member of a JSON object. Strings are shown without quotes.
    #[must_use]
    pub fn members<'a>(self, members: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Self {
        members.into_iter().fold(self, |section, (label, value)| {
            let text = value.as_str().map(str::to_owned);
            section.row(label, text.unwrap_or_else(|| value.to_string()))
        })
    }
}
