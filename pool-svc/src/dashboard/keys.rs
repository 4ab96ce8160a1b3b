//! The keys that sign in to the dashboard, and their roles.

use agent_pool_core::Secret;
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::auth::{ApiKeys, Caller};

use super::session::{Role, Session, SessionId};

/// The accepted keys.
#[derive(Debug)]
pub(super) struct Keys {
    operators: ApiKeys,
    readers: Option<ApiKeys>,
}

impl Keys {
    pub(super) fn new(operators: &ApiKeys, readers: Option<&ApiKeys>) -> Self {
        Self {
            operators: operators.clone(),
            readers: readers.cloned(),
        }
    }

    /// A new session and the proof of its key.
    ///
    /// # Errors
    /// The key is wrong, or the caller has presented too many wrong keys.
    pub(super) fn begin(
        &self,
        caller: &Caller,
        presented: &str,
    ) -> Result<(Session, [u8; 32]), Problem> {
        let (role, keys) = self.candidates(presented);
        let principal = caller.present(keys, presented)?;
        let id = SessionId::generate();
        let proof = id.proof(&Secret::new(presented));
        Ok((Session::new(id, role, principal.name), proof))
    }

    /// The set of keys to compare `presented` with, and its role. Only one set, so that a wrong key counts as one
    /// guess.
    fn candidates(&self, presented: &str) -> (Role, &ApiKeys) {
        let readers = self.readers.as_ref();
        match readers.filter(|keys| keys.accepts(presented)) {
            Some(readers) => (Role::Reader, readers),
            None => (Role::Operator, &self.operators),
        }
    }

    /// The session of a stored ID, if its key is still accepted.
    pub(super) fn resume(&self, id: SessionId, proof: &[u8]) -> Option<Session> {
        let with_role = |role| move |(name, key)| (role, name, key);
        let operators = self.operators.named().map(with_role(Role::Operator));
        let readers = self.readers.iter().flat_map(ApiKeys::named);
        let mut all = operators.chain(readers.map(with_role(Role::Reader)));
        let (role, name, _) = all.find(|(_, _, key)| id.proof(key) == proof)?;
        let name = name.to_owned();
        Some(Session::new(id, role, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str = "key-of-ann-012345";
    const OLD: &str = "old-key-of-ann-01";
    const LOOK: &str = "key-to-look-01234";

    fn keys(operators: &str) -> Keys {
        let parse = |text: &str| ApiKeys::try_from(text.to_owned()).unwrap();
        Keys::new(&parse(operators), Some(&parse(&format!("guest:{LOOK}"))))
    }

    /// The ID and the stored proof of a session that `presented` starts.
    fn begin(presented: &str) -> (SessionId, [u8; 32]) {
        let id = SessionId::generate();
        let proof = id.proof(&Secret::new(presented));
        (id, proof)
    }

    #[test]
    fn a_session_has_role_and_name_of_its_key_on_every_replica() {
        let one = keys(&format!("ann:{ANN},ann:{OLD}"));
        let other = keys(&format!("ann:{OLD},ann:{ANN}"));
        for (key, role, name) in [
            (ANN, Role::Operator, "ann"),
            (OLD, Role::Operator, "ann"),
            (LOOK, Role::Reader, "guest"),
        ] {
            let (found, keys) = one.candidates(key);
            assert_eq!((found, keys.name_of(key)), (role, Some(name)));
            let (id, proof) = begin(key);
            let resumed = other.resume(id, &proof).unwrap();
            assert_eq!((resumed.role, resumed.name.as_str()), (role, name));
        }
        for wrong in ["", &ANN[1..]] {
            assert!(!one.candidates(wrong).1.accepts(wrong));
        }
    }

    #[test]
    fn a_withdrawn_key_ends_its_sessions() {
        let (id, proof) = begin(OLD);
        let both = keys(&format!("{ANN},{OLD}"));
        assert!(both.resume(id.clone(), &proof).is_some());
        assert!(keys(ANN).resume(id, &proof).is_none());
    }
}
