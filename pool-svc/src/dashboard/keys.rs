//! The keys that open the dashboard, and their roles.

use agent_pool_core::Secret;
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::auth::{ApiKeys, Caller};

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
        // One look at one set of keys, so that a wrong key counts as one guess.
        let readers = self.readers.as_ref();
        let readers = readers.filter(|keys| keys.accepts(presented));
        let (role, keys) = match readers {
            Some(readers) => (Role::Reader, readers),
            None => (Role::Operator, &self.operators),
        };
        let principal = caller.present(keys, presented)?;
        let id = SessionId::generate();
        let proof = id.proof(&Secret::new(presented));
        Ok((Session::new(id, role, principal.name), proof))
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
    use warp::Filter;

    use super::*;

    const ANN: &str = "key-of-ann-012345";
    const OLD: &str = "old-key-of-ann-01";
    const LOOK: &str = "key-to-look-01234";

    fn keys(operators: &str) -> Keys {
        let parse = |text: &str| ApiKeys::try_from(text.to_owned()).unwrap();
        Keys::new(&parse(operators), Some(&parse(&format!("guest:{LOOK}"))))
    }

    async fn begin(keys: &Keys, presented: &str) -> Result<(Session, [u8; 32]), Problem> {
        let caller = agent_pool_service_kit::auth::caller();
        let caller = warp::test::request().filter(&caller.boxed()).await.unwrap();
        keys.begin(&caller, presented)
    }

    #[tokio::test]
    async fn a_session_has_role_and_name_of_its_key_on_every_replica() {
        let one = keys(&format!("ann:{ANN},ann:{OLD}"));
        let other = keys(&format!("ann:{OLD},ann:{ANN}"));
        for (key, role, name) in [
            (ANN, Role::Operator, "ann"),
            (OLD, Role::Operator, "ann"),
            (LOOK, Role::Reader, "guest"),
        ] {
            let (session, proof) = begin(&one, key).await.unwrap();
            let resumed = other.resume(session.id.clone(), &proof).unwrap();
            assert_eq!((resumed.role, resumed.name.as_str()), (role, name));
            assert_eq!(resumed.token(), session.token());
        }
        for wrong in ["", &ANN[1..]] {
            assert_eq!(begin(&one, wrong).await.unwrap_err().status, 401);
        }
    }

    #[tokio::test]
    async fn a_withdrawn_key_ends_its_sessions() {
        let both = keys(&format!("{ANN},{OLD}"));
        let (session, proof) = begin(&both, OLD).await.unwrap();
        assert!(keys(ANN).resume(session.id, &proof).is_none());
    }
}
