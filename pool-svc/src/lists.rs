//! Settings that are lists of words, separated by commas.

use agent_pool_core::wire::JoinUrl;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use url::Url;

/// The schemes that the link of a conversation to join may have, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JoinUrlSchemes(Vec<String>);

impl JoinUrlSchemes {
    /// Refuses a link of another scheme. A bare slug has none.
    ///
    /// # Errors
    /// The link has another scheme; the error names the allowed ones.
    pub(crate) fn check(&self, link: &JoinUrl) -> Result<(), String> {
        match link.scheme() {
            Some(scheme) if !self.0.iter().any(|one| one == scheme) => {
                let known = self.0.join(", ");
                Err(format!(
                    "expected a URL that begins with one of {known}, or a bare slug"
                ))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Default for JoinUrlSchemes {
    fn default() -> Self {
        Self(["https", "http", "convos"].map(str::to_owned).into())
    }
}

impl TryFrom<String> for JoinUrlSchemes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let schemes: Vec<String> = words(&text).map(str::to_ascii_lowercase).collect();
        match schemes.iter().find(|scheme| !scheme.chars().all(plain)) {
            Some(bad) => Err(format!("{bad:?} is not a scheme, such as https")),
            None if schemes.is_empty() => Err("names no scheme".to_owned()),
            None => Ok(Self(schemes)),
        }
    }
}

/// The web sites whose pages may call the Pool API from a browser.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CorsOrigins(Vec<String>);

impl CorsOrigins {
    pub(crate) fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<String> for CorsOrigins {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let origin = |word: &str| {
            let url: Url = word.parse().ok()?;
            let origin = url.origin().ascii_serialization();
            // Browsers send an origin without a path and without a slash at its end.
            let exact = matches!(url.scheme(), "http" | "https")
                && word.trim_end_matches('/').eq_ignore_ascii_case(&origin);
            exact.then_some(origin)
        };
        words(&text)
            .map(|word| {
                origin(word).ok_or_else(|| {
                    format!("{word:?} is not the origin of a site, such as https://app.example.com")
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

macro_rules! is_a_text_setting {
    ($setting:ident) => {
        impl From<$setting> for String {
            fn from(list: $setting) -> Self {
                list.0.join(",")
            }
        }

        impl JsonSchema for $setting {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($setting).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string" })
            }
        }
    };
}

is_a_text_setting!(JoinUrlSchemes);
is_a_text_setting!(CorsOrigins);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_of_the_named_schemes_and_slugs_may_be_joined() {
        let link = |text: &str| JoinUrl::try_from(text.to_owned()).unwrap();
        let usual = JoinUrlSchemes::default();
        for good in ["https://h/x", "http://h/x", "convos://join/x", "EOQJCm5z"] {
            assert_eq!(usual.check(&link(good)), Ok(()), "{good}");
        }
        assert!(
            usual
                .check(&link("ftp://h/x"))
                .unwrap_err()
                .contains("https, http, convos")
        );
        let own = JoinUrlSchemes::try_from("Signal, tel".to_owned()).unwrap();
        assert_eq!(own.check(&link("signal://x")), Ok(()));
        assert!(own.check(&link("https://h/x")).is_err());
        for bad in ["", ",", "https://"] {
            assert!(JoinUrlSchemes::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_maybe_a_port() {
        let origins = |text: &str| CorsOrigins::try_from(text.to_owned());
        let two = origins("https://app.example.com, http://localhost:3000/").unwrap();
        assert_eq!(
            two.as_slice(),
            ["https://app.example.com", "http://localhost:3000"]
        );
        for bad in ["*", "app.example.com", "https://h/path", "null"] {
            assert!(origins(bad).is_err(), "{bad}");
        }
    }
}
