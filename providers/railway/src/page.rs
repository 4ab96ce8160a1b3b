//! Railway's lists: edges and cursors. An edge that cannot be read is omitted, unless it bears our mark.

use agent_pool_core::http::{ListItem, Page, known_items};
use agent_pool_core::{Mark, ProviderError};
use serde::Deserialize;

use crate::error::malformed;

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connection<T> {
    edges: Vec<ListItem<Edge<T>>>,
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
    /// The items that could be read.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &T> {
        let known = self.edges.iter().filter_map(ListItem::known);
        known.map(|edge| &edge.node)
    }

    /// The page as the kit's type.
    pub(crate) fn into_page(self, mark: &Mark) -> Result<Page<T, String>, ProviderError> {
        let PageInfo {
            has_next_page,
            end_cursor,
        } = self.page_info;
        if has_next_page && end_cursor.is_none() {
            return Err(malformed("said that a list continues, but not where"));
        }
        Ok(Page {
            items: known_nodes(mark, self.edges)?,
            next: end_cursor.filter(|_| has_next_page),
        })
    }
}

/// A list whose further pages are not needed.
#[derive(Debug, Deserialize)]
pub(crate) struct FirstPage<T> {
    edges: Vec<ListItem<Edge<T>>>,
}

impl<T> FirstPage<T> {
    pub(crate) fn into_nodes(self, mark: &Mark) -> Result<Vec<T>, ProviderError> {
        known_nodes(mark, self.edges)
    }
}

fn known_nodes<T>(mark: &Mark, edges: Vec<ListItem<Edge<T>>>) -> Result<Vec<T>, ProviderError> {
    let known = known_items("railway", mark, edges)?;
    Ok(known.into_iter().map(|edge| edge.node).collect())
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
                .into_page(&Mark::new(&"test".parse().unwrap()))
        };
        assert_eq!(page(true, Some("c")).unwrap().next.as_deref(), Some("c"));
        assert_eq!(page(false, Some("c")).unwrap().next, None);
        assert!(page(true, None).is_err());
    }
}
