//! The session cookie.

use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use url::Url;
use warp::http::HeaderMap;
use warp::http::header::COOKIE;

use super::session::{LIFETIME, SessionId};

const NAME: &str = "agent_pool_session";
/// A browser takes a cookie of this name only over TLS, for this host alone and for all paths.
const HOST_NAME: &str = "__Host-agent_pool_session";

/// How session cookies are set. `PUBLIC_URL` decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CookiePolicy {
    /// People use https: `Secure`, and the prefix `__Host-`.
    Https,
    /// People use http.
    Http,
    /// Unknown: `Secure` if a proxy says that the request came over https.
    ByRequest,
}

impl CookiePolicy {
    pub(super) fn new(public_url: Option<&Url>) -> Self {
        match public_url.map(Url::scheme) {
            Some("https") => Self::Https,
            Some(_) => Self::Http,
            None => Self::ByRequest,
        }
    }

    /// The ID in the cookies of a request.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<SessionId> {
        let header = headers.get(COOKIE)?.to_str().ok()?;
        let mut cookies = Cookie::split_parse_encoded(header).filter_map(Result::ok);
        // Only this name: a cookie without the prefix may come from another subdomain.
        let ours = cookies.find(|cookie| cookie.name() == self.name())?;
        SessionId::parse(ours.value())
    }

    /// The cookie of a new session.
    pub(super) fn begin(self, id: &SessionId, request: &HeaderMap) -> Cookie<'static> {
        let lifetime = Duration::seconds(LIFETIME.num_seconds());
        self.cookie(id.expose().to_owned(), lifetime, request)
    }

    /// A cookie that makes the browser forget the session.
    pub(super) fn end(self, request: &HeaderMap) -> Cookie<'static> {
        self.cookie(String::new(), Duration::ZERO, request)
    }

    fn cookie(self, value: String, max_age: Duration, request: &HeaderMap) -> Cookie<'static> {
        let secure = match self {
            Self::Https => true,
            Self::Http => false,
            Self::ByRequest => {
                let forwarded = request.get("x-forwarded-proto");
                forwarded.is_some_and(|scheme| scheme == "https")
            }
        };
        Cookie::build((self.name(), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .max_age(max_age)
            .secure(secure)
            .build()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Https => HOST_NAME,
            Self::Http | Self::ByRequest => NAME,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(policy: CookiePolicy, forwarded: &str) -> (SessionId, String) {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-proto", forwarded.parse().unwrap());
        let id = SessionId::generate();
        let cookie = policy.begin(&id, &headers).encoded().to_string();
        (id, cookie)
    }

    #[test]
    fn scripts_and_other_sites_cannot_reach_the_cookie() {
        let (_, cookie) = begun(CookiePolicy::ByRequest, "http");
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        let end = CookiePolicy::Http.end(&HeaderMap::new()).to_string();
        assert!(end.contains("Max-Age=0"), "{end}");
    }

    #[test]
    fn the_public_url_decides_how_the_cookie_is_protected() {
        let policy = |url: &str| CookiePolicy::new(Some(&url.parse().unwrap()));
        let (https, http) = (policy("https://pool.example"), policy("http://pool:3001"));
        for (policy, forwarded, secure, prefix) in [
            (https, "http", true, true),
            (http, "https", false, false),
            (CookiePolicy::new(None), "https", true, false),
            (CookiePolicy::new(None), "http", false, false),
        ] {
            let (_, cookie) = begun(policy, forwarded);
            assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
            assert_eq!(cookie.starts_with("__Host-"), prefix, "{cookie}");
        }
    }

    #[test]
    fn a_request_is_read_by_the_name_that_its_policy_sets() {
        let id = SessionId::generate();
        let found = |policy: CookiePolicy, name: &str| {
            let mut headers = HeaderMap::new();
            let header = format!("a=b; {name}={}; c", id.expose());
            headers.insert(COOKIE, header.parse().unwrap());
            policy.read(&headers).is_some()
        };
        assert!(found(CookiePolicy::Https, HOST_NAME) && found(CookiePolicy::Http, NAME));
        assert!(
            !found(CookiePolicy::Https, NAME),
            "a subdomain may have set it"
        );
        assert!(CookiePolicy::Http.read(&HeaderMap::new()).is_none());
    }
    proptest::proptest! {
        #[test]
        fn any_cookie_holds_a_session_or_none(text in "(.{0,60}|agent_pool_session=.{0,60})", noise in "[ -~]{0,30}") {
            let mut headers = HeaderMap::new();
            if let Ok(value) = text.parse() {
                headers.insert(COOKIE, value);
            }
            let _ = CookiePolicy::ByRequest.read(&headers);
            let id = SessionId::generate();
            let cookies = format!("{}; {NAME}={}", noise.replace(NAME, ""), id.expose());
            headers.insert(COOKIE, cookies.parse().unwrap());
            let read = CookiePolicy::Http.read(&headers);
            proptest::prop_assert_eq!(read.as_ref().map(SessionId::expose), Some(id.expose()));
            proptest::prop_assert!(CookiePolicy::Https.read(&headers).is_none());
        }
    }
}
