//! Who is signed in: a cookie, signed with a key that is derived from the one that was presented.
//!
//! So every replica knows the cookie of every other, nothing is stored, and a key that is no longer
//! accepted ends the sessions that it began. A reader's key signs reader's cookies alone. The cookie
//! ends by itself after [`LASTS`]; signing out makes the browser forget it.

use std::fmt;

use agent_pool_core::Secret;
use agent_pool_service_kit::auth::ApiKeys;
use chrono::{DateTime, TimeDelta, Utc};
use cookie::time::Duration;
use cookie::{Cookie, CookieJar, Key, SameSite};
use hkdf::Hkdf;
use sha2::Sha256;

const NAME: &str = "agent_pool_session";
/// How long a session lasts.
const LASTS: TimeDelta = TimeDelta::hours(12);

/// What somebody who is signed in may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything.
    Operator,
    /// Look at it. Invite links are not shown: who has one can speak to the agent.
    Reader,
}

impl Role {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Reader => "reader",
        }
    }
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) role: Role,
    /// What every form that changes something has to bring along.
    token: Secret,
}

impl Session {
    /// For the forms of this session's own pages.
    pub(super) fn token(&self) -> &str {
        self.token.expose()
    }

    /// Whether a form came from a page of this session. Takes the same time whichever it is.
    pub(super) fn wrote(&self, token: &str) -> bool {
        self.token == Secret::new(token)
    }
}

/// Whom the dashboard lets in.
pub(super) struct Keys(Vec<Accepted>);

struct Accepted {
    role: Role,
    presented: Secret,
    signing: Key,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

impl Keys {
    pub(super) fn new(operators: &ApiKeys, readers: Option<&ApiKeys>) -> Self {
        let operators = operators
            .iter()
            .map(|key| Accepted::new(Role::Operator, key));
        let readers = readers.into_iter().flat_map(ApiKeys::iter);
        let readers = readers.map(|key| Accepted::new(Role::Reader, key));
        Self(operators.chain(readers).collect())
    }

    /// The cookie of a new session, where `presented` is a key.
    pub(super) fn begin(&self, presented: &str, now: DateTime<Utc>) -> Option<Cookie<'static>> {
        let presented = Secret::new(presented);
        let found = self.0.iter().find(|key| key.presented == presented);
        let until = (now + LASTS).timestamp();
        let value = format!("{until}.{}", nanoid::nanoid!(32));
        let mut jar = CookieJar::new();
        jar.signed_mut(&found?.signing).add(cookie(value));
        jar.get(NAME).cloned()
    }

    /// Whose request this is, by its header `Cookie`.
    pub(super) fn session(&self, header: &str, now: DateTime<Utc>) -> Option<Session> {
        let all = Cookie::split_parse_encoded(header).filter_map(Result::ok);
        let mut ours = all.filter(|cookie| cookie.name() == NAME);
        ours.find_map(|cookie| {
            self.0.iter().find_map(|accepted| {
                let verified = CookieJar::new()
                    .signed(&accepted.signing)
                    .verify(cookie.clone().into_owned())?;
                let (until, token) = verified.value().split_once('.')?;
                let until = DateTime::from_timestamp(until.parse().ok()?, 0)?;
                (now < until).then(|| Session {
                    role: accepted.role,
                    token: Secret::new(token),
                })
            })
        })
    }
}

impl Accepted {
    fn new(role: Role, presented: &Secret) -> Self {
        let mut signing = [0; 64];
        let info = format!("agent-pool dashboard session of {}", role.as_str());
        Hkdf::<Sha256>::new(None, presented.expose().as_bytes())
            .expand(info.as_bytes(), &mut signing)
            .expect("64 bytes are less than the most that HKDF can make");
        Self {
            role,
            presented: presented.clone(),
            signing: Key::from(&signing),
        }
    }
}

/// What makes a browser forget the session.
pub(super) fn end() -> Cookie<'static> {
    let mut cookie = cookie(String::new());
    cookie.set_max_age(Duration::ZERO);
    cookie
}

fn cookie(value: String) -> Cookie<'static> {
    Cookie::build((NAME, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(Duration::seconds(LASTS.num_seconds()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(operators: &str, readers: &str) -> Keys {
        let parse = |text: &str| {
            let keys: Vec<_> = text.split(',').map(long).collect();
            ApiKeys::try_from(keys.join(",")).unwrap()
        };
        Keys::new(&parse(operators), Some(&parse(readers)))
    }

    /// A key that is long enough to be one.
    fn long(word: &str) -> String {
        format!("{word}-0123456789abcdef")
    }

    fn header(keys: &Keys, presented: &str) -> String {
        let cookie = keys.begin(&long(presented), Utc::now()).unwrap();
        cookie.encoded().stripped().to_string()
    }

    fn role(keys: &Keys, header: &str) -> Option<Role> {
        keys.session(header, Utc::now()).map(|session| session.role)
    }

    #[test]
    fn a_session_has_the_role_of_its_key_on_every_replica() {
        let (one, other) = (keys("new,old", "look"), keys("old,new", "look"));
        for (key, expected) in [
            ("new", Role::Operator),
            ("old", Role::Operator),
            ("look", Role::Reader),
        ] {
            assert_eq!(role(&other, &header(&one, key)), Some(expected), "{key}");
        }
        assert!(one.begin("", Utc::now()).is_none() && one.begin("ne", Utc::now()).is_none());
    }

    #[test]
    fn a_key_that_is_withdrawn_ends_its_sessions() {
        let before = keys("new,old", "look");
        let after = keys("new", "look");
        assert_eq!(role(&after, &header(&before, "old")), None);
        assert_eq!(role(&after, &header(&before, "new")), Some(Role::Operator));
    }

    #[test]
    fn a_cookie_that_was_changed_or_made_up_is_nobodys() {
        let keys = keys("k", "look");
        let good = header(&keys, "look");
        let (name, value) = good.split_once('=').unwrap();
        let later = value.replacen("17", "99", 1);
        for bad in [
            String::new(),
            format!("{name}="),
            format!("{name}=9999999999.token"),
            format!("{name}={}", &value[1..]),
            format!("{name}=x{value}"),
            format!("{name}={later}x"),
            format!("other={value}"),
        ] {
            assert_eq!(role(&keys, &bad), None, "{bad}");
        }
        assert_eq!(
            role(&keys, &format!("a=b; {good}; c=d")),
            Some(Role::Reader)
        );
    }

    #[test]
    fn a_session_ends_by_itself() {
        let keys = keys("k", "look");
        let header = header(&keys, "k");
        let at = |minutes| Utc::now() + TimeDelta::minutes(minutes);
        assert!(keys.session(&header, at(12 * 60 - 1)).is_some());
        assert!(keys.session(&header, at(12 * 60 + 1)).is_none());
    }

    #[test]
    fn the_cookie_is_out_of_the_reach_of_scripts_and_of_other_sites() {
        let cookie = keys("k", "look")
            .begin(&long("k"), Utc::now())
            .unwrap()
            .to_string();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(end().to_string().contains("Max-Age=0"));
    }
}
