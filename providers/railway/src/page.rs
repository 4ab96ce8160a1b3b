//! Railway's lists: edges and cursors.

use agent_pool_core::ProviderError;
use agent_pool_core::http::Page;
use serde::Deserialize;

use crate::error::malformed;

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connection<T> {
    edges: Vec<Edge<T>>,
    page_info: PageInfo,
}

#[derive(Debug, Deserialize)]
struct Edge<T> {
    node: T,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl<T> Connection<T> {
    /// What is on it.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &T> {
        self.edges.iter().map(|edge| &edge.node)
    }

    /// The page in the kit's words.
    pub(crate) fn into_page(self) -> Result<Page<T, String>, ProviderError> {
        let PageInfo {
            has_next_page,
            end_cursor,
        } = self.page_info;
        if has_next_page && end_cursor.is_none() {
            return Err(malformed("said that a list continues, but not where"));
        }
        Ok(Page {
            items: self.edges.into_iter().map(|edge| edge.node).collect(),
            next: end_cursor.filter(|_| has_next_page),
        })
    }
}

/// A list whose further pages do not matter.
#[derive(Debug, Deserialize)]
pub(crate) struct FirstPage<T> {
    edges: Vec<Edge<T>>,
}

impl<T> FirstPage<T> {
    pub(crate) fn into_nodes(self) -> impl Iterator<Item = T> {
        self.edges.into_iter().map(|edge| edge.node)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_that_goes_on_nowhere_is_malformed() {
        let page = |next: bool, cursor: Option<&str>| {
            let info = json!({ "hasNextPage": next, "endCursor": cursor });
            let page = json!({ "edges": [{ "node": 1 }], "pageInfo": info });
            serde_json::from_value::<Connection<u8>>(page)
                .unwrap()
                .into_page()
        };
        assert_eq!(page(true, Some("c")).unwrap().next.as_deref(), Some("c"));
        assert_eq!(page(false, Some("c")).unwrap().next, None);
        assert!(page(true, None).is_err());
    }
}
