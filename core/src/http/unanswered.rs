use std::borrow::Cow;

use super::Proxies;
use crate::{Effect, ErrorKind, ProviderError};

/// The error of a request without a complete answer.
pub(super) fn unanswered(error: reqwest::Error) -> ProviderError {
    let proxy = error
        .url()
        .and_then(|url| Proxies::of_process().name_for(url));
    unanswered_through(proxy.as_deref(), error)
}

fn unanswered_through(proxy: Option<&str>, error: reqwest::Error) -> ProviderError {
    let (effect, message) = if error.is_connect() {
        (Effect::NotDone, "could not be reached")
    } else if error.is_builder() {
        (Effect::NotDone, "the request could not be built")
    } else if error.is_timeout() {
        (Effect::Unknown, "did not answer in time")
    } else {
        (
            Effect::Unknown,
            "the connection broke before the answer was complete",
        )
    };
    let message = match proxy {
        Some(proxy) => format!("{message}, through the proxy {proxy}").into(),
        None => Cow::Borrowed(message),
    };
    ProviderError::new(ErrorKind::Unavailable, message)
        .with_effect(effect)
        .with_source(error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_vendor_that_is_not_reached_through_a_proxy_names_the_proxy() {
        // Bound and not listening: it refuses connections, and nobody else gets the port.
        let closed = tokio::net::TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", closed.local_addr().unwrap());
        let client = super::super::client().unwrap();
        let error = || async { client.get(&url).send().await.unwrap_err() };
        let direct = unanswered_through(None, error().await);
        assert_eq!(direct.effect(), Effect::NotDone);
        assert!(!direct.to_string().contains("proxy"), "{direct}");
        let error = unanswered_through(Some("http://proxy.example:3128"), error().await);
        let text = "could not be reached, through the proxy http://proxy.example:3128";
        assert!(error.to_string().ends_with(text), "{error}");
    }
}
