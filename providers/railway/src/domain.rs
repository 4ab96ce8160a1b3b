//! Converts a domain in Railway's answers to a URL.

use url::Url;

/// The URL of a domain: `https` unless it comes with a scheme.
pub(crate) fn url(domain: &str) -> Option<Url> {
    if domain.contains("://") {
        domain.parse().ok()
    } else {
        format!("https://{domain}").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_https_unless_it_says_otherwise() {
        let text = |domain| url(domain).map(String::from);
        assert_eq!(
            text("x-production.up.railway.app").as_deref(),
            Some("https://x-production.up.railway.app/")
        );
        assert_eq!(
            text("http://127.0.0.1:4000").as_deref(),
            Some("http://127.0.0.1:4000/")
        );
        assert_eq!(text(""), None);
    }
}
