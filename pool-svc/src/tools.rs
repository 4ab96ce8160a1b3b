//! Lists of tools, as settings.

use std::collections::BTreeSet;

use agent_pool_core::ToolId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Ids of tools, each at most once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tools(Vec<ToolId>);

impl Tools {
    /// No tools.
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// The ids, in the order of the setting.
    #[must_use]
    pub fn ids(&self) -> &[ToolId] {
        &self.0
    }
}

impl Default for Tools {
    fn default() -> Self {
        let usual = "openrouter,agentmail".to_owned();
        usual.try_into().expect("both are slugs")
    }
}

impl TryFrom<String> for Tools {
    type Error = String;

    /// `none` stands for no tools: an empty variable counts as not set.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut ids = Vec::new();
        let mut known = BTreeSet::new();
        let words = text.split(',').map(str::trim);
        for word in words.filter(|word| !word.is_empty() && text.trim() != "none") {
            let id: ToolId = word.parse().map_err(|error| format!("{error}"))?;
            if !known.insert(id.clone()) {
                return Err(format!("{id} is named twice"));
            }
            ids.push(id);
        }
        Ok(Self(ids))
    }
}

impl From<Tools> for String {
    fn from(tools: Tools) -> Self {
        let words: Vec<&str> = tools.0.iter().map(ToolId::as_str).collect();
        if words.is_empty() {
            return "none".to_owned();
        }
        words.join(",")
    }
}

impl JsonSchema for Tools {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tools".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_a_list_without_repetition_and_may_be_none() {
        let tools = |text: &str| Tools::try_from(text.to_owned());
        assert_eq!(tools(" a , b,").unwrap().ids().len(), 2);
        assert_eq!(tools("none").unwrap().ids(), []);
        assert!(tools("a,b,a").unwrap_err().contains("twice"));
        assert!(tools("Not A Slug").is_err());
    }
}
