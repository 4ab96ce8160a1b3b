//! The keys that open the dashboard, and their roles.

use std::fmt;

use agent_pool_core::Secret;
use agent_pool_service_kit::auth::ApiKeys;

use super::session::{Session, SessionId};

/// What a signed-in person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything.
    Operator,
    /// See the fleet and change nothing. Invite links and logs are hidden: an invite link gives access to
    /// the agent, and a log may contain one.
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

/// The accepted keys.
pub(super) struct Keys(Vec<Key>);

struct Key {
    role: Role,
    name: String,
    secret: Secret,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

impl Keys {
    pub(super) fn new(operators: &ApiKeys, readers: Option<&ApiKeys>) -> Self {
        let with_role = |role: Role| {
            move |secret: &Secret| Key {
                role,
                name: role.as_str().to_owned(),
                secret: secret.clone(),
            }
        };
        let operators = operators.iter().map(with_role(Role::Operator));
        let readers = readers.into_iter().flat_map(ApiKeys::iter);
        Self(
            operators
                .chain(readers.map(with_role(Role::Reader)))
                .collect(),
        )
    }

    /// A new session and the proof of its key, if `presented` is a key.
    pub(super) fn begin(&self, presented: &str) -> Option<(Session, [u8; 32])> {
        let presented = Secret::new(presented);
        let key = self.0.iter().find(|key| key.secret == presented)?;
        let id = SessionId::generate();
        let proof = id.proof(&key.secret);
        Some((Session::new(id, key.role, key.name.clone()), proof))
    }

    /// The session of a stored ID, if its key is still accepted.
    pub(super) fn resume(&self, id: SessionId, proof: &[u8]) -> Option<Session> {
        let key = self.0.iter().find(|key| id.proof(&key.secret) == proof)?;
        Some(Session::new(id, key.role, key.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(operators: &str, readers: &str) -> Keys {
        let parse = |text: &str| ApiKeys::try_from(text.to_owned()).unwrap();
        Keys::new(&parse(operators), Some(&parse(readers)))
    }

    #[test]
    fn a_session_has_the_role_of_its_key_on_every_replica() {
        let (one, other) = (keys("new,old", "look"), keys("old,new", "look"));
        for (key, role) in [
            ("new", Role::Operator),
            ("old", Role::Operator),
            ("look", Role::Reader),
        ] {
            let (session, proof) = one.begin(key).unwrap();
            let resumed = other.resume(session.id.clone(), &proof).unwrap();
            assert_eq!((resumed.role, resumed.token()), (role, session.token()));
        }
        assert!(one.begin("").is_none() && one.begin("ne").is_none());
    }

    #[test]
    fn a_withdrawn_key_ends_its_sessions() {
        let (session, proof) = keys("new,old", "look").begin("old").unwrap();
        assert!(keys("new", "look").resume(session.id, &proof).is_none());
    }
}
