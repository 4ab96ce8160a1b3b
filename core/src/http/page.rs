use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;

use serde::Deserialize;

use crate::{ErrorKind, ProviderError};

/// One page of a vendor's list.
///
/// ```
/// use agent_pool_core::http::Page;
///
/// // Some vendors end with an empty cursor in the place of none.
/// let (items, cursor) = (vec!["key-1", "key-2"], "");
/// let last = Page { items, next: Some(cursor).filter(|cursor| !cursor.is_empty()) };
/// assert_eq!(last.next, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins; `None` on the last.
    pub next: Option<C>,
}

/// The answer `{"data": …}`, as many vendors wrap theirs.
///
/// ```
/// use agent_pool_core::http::Data;
///
/// let answer: Data<Vec<u8>> = serde_json::from_str(r#"{"data": [7], "meta": {}}"#).unwrap();
/// assert_eq!(answer.data, [7]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Data<T> {
    /// What is in it.
    pub data: T,
}

/// The answer `{"data": […], "meta": {"total_pages": …}}` of a list whose pages have numbers.
///
/// [`VendorRequest::numbered`](super::VendorRequest::numbered) asks for them all.
///
/// ```
/// use agent_pool_core::http::Numbered;
///
/// let answer = r#"{"data": ["key-3"], "meta": {"total_pages": 2}}"#;
/// let second: Numbered<String> = serde_json::from_str(answer).unwrap();
/// assert_eq!(second.page(Some(2)).next, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Numbered<T> {
    data: Vec<T>,
    meta: Meta,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Meta {
    total_pages: u32,
}

impl<T> Numbered<T> {
    /// The page and the number of the next one, for [`VendorRequest::pages`](super::VendorRequest::pages);
    /// the first is number 1.
    #[must_use]
    pub fn page(self, number: Option<u32>) -> Page<T, u32> {
        let next = number.unwrap_or(1) + 1;
        Page {
            items: self.data,
            next: (next <= self.meta.total_pages).then_some(next),
        }
    }
}

/// No list of ours has more pages; a vendor that ignores the cursor has no end of them.
const PAGE_LIMIT: usize = 1_000;

/// Every item of a list, page by page, beginning with the cursor `None`. The answer is whole, or an error.
///
/// ```
/// use agent_pool_core::http::{Page, pages};
/// # use agent_pool_core::{ErrorKind, ProviderError, doctest};
/// # doctest::run(async {
/// // The cursor may be anything that can be compared, here an offset.
/// let all = pages(|from: Option<usize>| async move {
///     let from = from.unwrap_or_default();
///     Ok(Page { items: vec![from, from + 1], next: (from < 4).then_some(from + 2) })
/// });
/// assert_eq!(all.await?, [0, 1, 2, 3, 4, 5]);
///
/// let endless = pages(|_| async { Ok(Page { items: vec![0], next: Some("the same") }) });
/// assert_eq!(endless.await.unwrap_err().kind(), ErrorKind::Protocol);
/// # Ok::<(), ProviderError>(()) }).unwrap();
/// ```
///
/// # Errors
/// Those of `fetch`, and [`ErrorKind::Protocol`] where a cursor comes back a second time or there are
/// more than a thousand pages: such a list would have no end.
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

    #[test]
    fn numbered_pages_end_with_the_last() {
        let page = |at| {
            let body = r#"{"data": [7], "meta": {"total_pages": 2, "page_size": 1}}"#;
            serde_json::from_str::<Numbered<u8>>(body).unwrap().page(at)
        };
        assert_eq!((page(None).items, page(None).next), (vec![7], Some(2)));
        assert_eq!(page(Some(2)).next, None);
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
    async fn a_vendor_that_ignores_the_cursor_is_left_in_the_end() {
        let all = pages(|at: Option<u32>| async move {
            Ok(Page {
                items: vec![0],
                next: Some(at.unwrap_or_default() + 1),
            })
        });
        assert_eq!(all.await.unwrap_err().kind(), ErrorKind::Protocol);
    }
}
