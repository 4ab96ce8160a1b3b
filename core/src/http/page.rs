use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;

use serde::Deserialize;

use crate::{ErrorKind, ProviderError};

/// One page of a vendor's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last one.
    pub next: Option<C>,
}

/// An answer of the form `{"data": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Data<T> {
    /// The wrapped value.
    pub data: T,
}

/// The maximum number of pages of one list. A vendor that ignores the cursor would return pages forever.
const PAGE_LIMIT: usize = 1_000;

/// Every item of a list, page by page, starting with the cursor `None`. The result is complete, or an error.
///
/// # Errors
/// Errors of `fetch`, and [`ErrorKind::Protocol`] if a cursor repeats or there are more than a thousand pages.
pub async fn pages<T, C, F>(mut fetch: impl FnMut(Option<C>) -> F) -> Result<Vec<T>, ProviderError>
where
    C: Clone + Eq + Hash,
    F: Future<Output = Result<Page<T, C>, ProviderError>>,
{
    let mut items = Vec::new();
    let mut seen = HashSet::new();
    let mut cursor = None;
    loop {
        let page = fetch(cursor).await?;
        items.extend(page.items);
        let Some(next) = page.next else {
            return Ok(items);
        };
        if !seen.insert(next.clone()) || seen.len() > PAGE_LIMIT {
            let problem = format!("answered a list without end, after {} pages", seen.len());
            return Err(ProviderError::new(ErrorKind::Protocol, problem));
        }
        cursor = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pages_are_followed_to_the_end() {
        let all = pages(|cursor: Option<u32>| async move {
            let at = cursor.unwrap_or_default();
            Ok(Page {
                items: vec![at],
                next: (at < 3).then_some(at + 1),
            })
        });
        assert_eq!(all.await.unwrap(), [0, 1, 2, 3]);
    }

    #[tokio::test]
    async fn a_repeated_cursor_is_an_error_and_not_an_endless_list() {
        let all = pages(|_: Option<&str>| async {
            Ok(Page {
                items: vec![0],
                next: Some("again"),
            })
        });
        assert_eq!(all.await.unwrap_err().kind(), ErrorKind::Protocol);
    }

    #[tokio::test]
    async fn a_list_without_end_is_an_error() {
        let all = pages(|at: Option<u32>| async move {
            Ok(Page {
                items: vec![0],
                next: Some(at.unwrap_or_default() + 1),
            })
        });
        assert_eq!(all.await.unwrap_err().kind(), ErrorKind::Protocol);
    }
}
