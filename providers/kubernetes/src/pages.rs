//! Lists, page by page.

use agent_pool_core::{Context, ErrorKind, ProviderError};
use http::StatusCode;
use kube::api::ListParams;
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::{Cluster, at, parse};
use crate::fault::{self, Call};

/// Number of objects on a page of a list.
const PAGE: u32 = 250;
/// Maximum number of attempts to read a list whose pages expire meanwhile.
const LIST_ATTEMPTS: usize = 5;

impl Cluster {
    /// All objects that the selector selects, page by page. The result is complete, or an error.
    pub(crate) async fn list(
        &self,
        cx: &Context,
        call: &Call<'_>,
        selector: &str,
    ) -> Result<Vec<Value>, ProviderError> {
        for _ in 0..LIST_ATTEMPTS {
            if let Some(items) = self.list_pages(cx, call, selector).await? {
                return Ok(items);
            }
        }
        let message = format!(
            "the pages of {} expired {LIST_ATTEMPTS} times before they were read",
            call.kind.resource()
        );
        Err(ErrorKind::Unavailable.because(message))
    }

    /// `None` if a page expired, which makes the pages read so far useless.
    async fn list_pages(
        &self,
        cx: &Context,
        call: &Call<'_>,
        selector: &str,
    ) -> Result<Option<Vec<Value>>, ProviderError> {
        let mut items = Vec::new();
        let mut params = ListParams::default().labels(selector).limit(PAGE);
        loop {
            let request = at(call).list(&params);
            let answer = self.exchange(cx, call, request).await?;
            if answer.status == StatusCode::GONE {
                return Ok(None);
            }
            if !answer.status.is_success() {
                return Err(fault::refused(
                    call,
                    answer.status,
                    &answer.headers,
                    &answer.body,
                ));
            }
            let page: Page = parse(call, &answer.body)?;
            items.extend(page.items);
            let next = page.metadata.next.filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(Some(items));
            }
            if next == params.continue_token {
                return Err(
                    ErrorKind::Protocol.because("a page of a list names itself as the next one")
                );
            }
            params.continue_token = next;
        }
    }
}

/// One page of a list, whose items are read one by one.
#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    items: Vec<Value>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}
