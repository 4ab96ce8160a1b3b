//! Keys that a customer creates and revokes while the cloud runs.

use std::collections::BTreeMap;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

/// Where vendors expect a key.
const HEADERS: [HeaderName; 2] = [
    AUTHORIZATION,
    HeaderName::from_static("project-access-token"),
];
/// A key that no vendor has issued.
const UNKNOWN: &str = "revoked";

/// For each new key the original one; `None` for a revoked key.
#[derive(Debug, Default)]
pub(crate) struct Keys(BTreeMap<String, Option<String>>);

impl Keys {
    /// From now on `new` is accepted wherever `key` was accepted at the start.
    pub(crate) fn issue(&mut self, key: &str, new: &str) {
        self.0.insert(new.to_owned(), Some(key.to_owned()));
    }

    /// From now on no vendor accepts `key`. Keys that were issued for it stay valid.
    pub(crate) fn revoke(&mut self, key: &str) {
        self.0.insert(key.to_owned(), None);
    }

    /// Replaces the key of a request by the original one.
    pub(crate) fn translate(&self, headers: &mut HeaderMap) {
        for name in HEADERS {
            let Some(shown) = headers.get(&name).and_then(|value| value.to_str().ok()) else {
                continue;
            };
            let (scheme, key) = match shown.strip_prefix("Bearer ") {
                Some(key) => ("Bearer ", key),
                None => ("", shown),
            };
            let Some(known) = self.0.get(key) else {
                continue;
            };
            let known = known.as_deref().unwrap_or(UNKNOWN);
            if let Ok(value) = HeaderValue::from_str(&format!("{scheme}{known}")) {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_works_as_the_old_one_which_is_refused_once_it_is_revoked() {
        let mut keys = Keys::default();
        let translated = |keys: &Keys, name: HeaderName, shown: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(&name, HeaderValue::from_str(shown).unwrap());
            keys.translate(&mut headers);
            headers[&name].to_str().unwrap().to_owned()
        };
        keys.issue("old", "new");
        keys.revoke("old");
        let [bearer, project] = HEADERS;
        for (name, shown, expected) in [
            (&bearer, "Bearer new", "Bearer old"),
            (&bearer, "Bearer old", "Bearer revoked"),
            (&bearer, "Bearer other", "Bearer other"),
            (&project, "new", "old"),
        ] {
            assert_eq!(translated(&keys, name.clone(), shown), expected, "{shown}");
        }
        keys.revoke("new");
        assert_eq!(translated(&keys, project, "new"), "revoked");
    }
}
