//! Sessions: a random ID in a cookie and a row in the database.
//!
//! The row contains no secret: it has a hash of the ID, and a proof of the key that was presented. A copy of the
//! database therefore opens no session, and removing a key ends its sessions on every replica. Signing out deletes the
//! row.

use agent_pool_core::Secret;
use agent_pool_service_kit::auth::{Caller, Principal};
use chrono::TimeDelta;
use hkdf::Hkdf;
use sha2::Sha256;

/// How long a session lasts.
pub(super) const LIFETIME: TimeDelta = TimeDelta::hours(12);

/// The number of characters of an ID: more than 200 bits of randomness.
const ID_CHARS: usize = 36;

/// What a signed-in user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything.
    Operator,
    /// Read-only access. Invite links and logs are hidden: an invite link gives access to the agent, and a log may
    /// contain one.
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

/// A signed-in user.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) role: Role,
    pub(super) id: SessionId,
    /// The name of the key.
    pub(super) name: String,
    /// Proves that a form comes from a page of this session.
    token: Secret,
}

impl Session {
    pub(super) fn new(id: SessionId, role: Role, name: String) -> Self {
        let token = id.derive(&[], "form token");
        let token = token.iter().map(|byte| format!("{byte:02x}"));
        Self {
            role,
            name,
            token: Secret::new(token.collect::<String>()),
            id,
        }
    }

    /// Who makes a request of this session.
    pub(super) fn principal(&self, caller: &Caller) -> Principal {
        Principal {
            name: self.name.clone(),
            source: caller.source(),
        }
    }

    /// The hidden field of the forms of this session.
    pub(super) fn token(&self) -> &str {
        self.token.expose()
    }

    /// Whether a form comes from a page of this session. Takes constant time.
    pub(super) fn accepts(&self, token: &str) -> bool {
        self.token == Secret::new(token)
    }
}

/// The ID of a session, as in its cookie. Anyone who knows it is signed in.
#[derive(Debug, Clone)]
pub(super) struct SessionId(Secret);

impl SessionId {
    pub(super) fn generate() -> Self {
        Self(Secret::new(nanoid::nanoid!(ID_CHARS)))
    }

    /// Reads the value of a cookie.
    pub(super) fn parse(text: &str) -> Option<Self> {
        (text.len() == ID_CHARS).then(|| Self(Secret::new(text)))
    }

    /// For the cookie.
    pub(super) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What the database stores instead of the ID.
    pub(super) fn hash(&self) -> [u8; 32] {
        self.derive(&[], "stored ID")
    }

    /// Proves which key started the session. Without the ID it reveals nothing about the key.
    pub(super) fn proof(&self, key: &Secret) -> [u8; 32] {
        self.derive(key.expose().as_bytes(), "key proof")
    }

    fn derive(&self, salt: &[u8], purpose: &str) -> [u8; 32] {
        let mut bytes = [0; 32];
        Hkdf::<Sha256>::new(Some(salt), self.expose().as_bytes())
            .expand(
                format!("agent-pool session {purpose}").as_bytes(),
                &mut bytes,
            )
            .expect("HKDF can make 32 bytes");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_stored_or_shown_is_the_id() {
        let id = SessionId::generate();
        let session = Session::new(id.clone(), Role::Reader, "ann".to_owned());
        assert!(!format!("{session:?}").contains(id.expose()));
        assert!(!session.token().contains(id.expose()));
        assert_ne!(id.hash(), id.proof(&Secret::new("")));
        assert!(session.accepts(session.token()) && !session.accepts(""));
        assert!(SessionId::parse(id.expose()).is_some() && SessionId::parse("short").is_none());
    }

    #[test]
    fn a_proof_holds_for_one_key_and_one_session() {
        let (id, other) = (SessionId::generate(), SessionId::generate());
        let (key, another) = (Secret::new("key"), Secret::new("another"));
        assert_eq!(id.proof(&key), id.proof(&key));
        assert_ne!(id.proof(&key), id.proof(&another));
        assert_ne!(id.proof(&key), other.proof(&key));
    }
}
