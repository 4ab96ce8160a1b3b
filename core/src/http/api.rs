use std::future::Future;
use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::{VendorHttp, VendorRequest};
use crate::{Context, ProviderError};

/// A vendor's API as one operation uses it: within the operation's context.
#[derive(Debug, Clone, Copy)]
pub struct Api<'a> {
    vendor: &'a VendorHttp,
    cx: &'a Context,
}

/// How long, and how often, to look for what a vendor takes its time with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The pause between two looks.
    pub pause: Duration,
    /// How long to look in all; the context may leave less.
    pub limit: Duration,
}

impl<'a> Api<'a> {
    pub(super) const fn new(vendor: &'a VendorHttp, cx: &'a Context) -> Self {
        Self { vendor, cx }
    }

    /// The surroundings of the operation: its mark, its deadline.
    #[must_use]
    pub const fn cx(self) -> &'a Context {
        self.cx
    }

    /// Where the calls go, and what the vendor's refusals mean.
    #[must_use]
    pub const fn vendor(self) -> &'a VendorHttp {
        self.vendor
    }

    /// A `GET` of the path made of `segments`, each of which is percent-encoded.
    pub fn get(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::GET, segments)
    }

    /// A `POST`; see [`Api::get`]. Without segments it goes to the base itself.
    pub fn post(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::POST, segments)
    }

    /// A `PATCH`; see [`Api::get`].
    pub fn patch(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::PATCH, segments)
    }

    /// A `PUT`; see [`Api::get`].
    pub fn put(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::PUT, segments)
    }

    /// A `DELETE`; see [`Api::get`].
    pub fn delete(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::DELETE, segments)
    }

    /// Looks again and again until there is something; `None` where the time for it is over.
    ///
    /// It is for what a vendor does after its answer, such as an order that is pending, and no retry: the
    /// first error ends it.
    ///
    /// # Errors
    /// Those of `look`.
    pub async fn until<T, F>(
        self,
        patience: Patience,
        look: impl Fn() -> F,
    ) -> Result<Option<T>, ProviderError>
    where
        F: Future<Output = Result<Option<T>, ProviderError>>,
    {
        let Patience { pause, limit } = patience;
        let limit = self.cx.remaining().map_or(limit, |left| limit.min(left));
        let end = Instant::now() + limit;
        loop {
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
            if Instant::now() + pause >= end {
                return Ok(None);
            }
            sleep(pause.max(Duration::from_millis(1))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::Mark;

    const PATIENCE: Patience = Patience {
        pause: Duration::from_secs(1),
        limit: Duration::from_secs(10),
    };

    /// The first look, of one each second, that finds something; with the whole time that it took.
    async fn found_at(look: u32, left: Option<Duration>) -> (Option<u32>, Duration) {
        let vendor = VendorHttp::new("http://localhost".parse().unwrap());
        let cx = Context::new(
            Mark::new(&"dev".parse().unwrap()),
            reqwest::Client::builder().build().unwrap(),
        );
        let cx = left.map_or_else(|| cx.clone(), |left| cx.within(left));
        let (looks, begun) = (AtomicU32::new(0), Instant::now());
        let result = vendor.on(&cx).until(PATIENCE, || async {
            let now = looks.fetch_add(1, Ordering::Relaxed) + 1;
            Ok((now >= look).then_some(now))
        });
        (result.await.unwrap(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_late_is_waited_for_until_the_time_is_over() {
        assert_eq!(found_at(1, None).await, (Some(1), Duration::ZERO));
        assert_eq!(found_at(3, None).await, (Some(3), Duration::from_secs(2)));
        let (found, took) = found_at(99, None).await;
        assert!(found.is_none() && took < PATIENCE.limit, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_outlives_the_context() {
        let (found, took) = found_at(99, Some(Duration::from_secs(3))).await;
        assert!(
            found.is_none() && took <= Duration::from_secs(3),
            "{took:?}"
        );
    }
}
