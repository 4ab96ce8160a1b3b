//! The keys by purpose: one key for each, so that a leaked key gives access to that purpose only.

use agent_pool_service_kit::auth::ApiKeys;
use schemars::JsonSchema;
use serde::Deserialize;

/// The keys by purpose, from the settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct PurposeKeys {
    /// The key that Pool presents: opens everything but local grants. Pool needs the same. Default:
    /// `POOL_API_KEY`.
    services_api_key: Option<ApiKeys>,
    /// The key of operators: opens everything. Default: `POOL_API_KEY`.
    services_operator_key: Option<ApiKeys>,
    /// The key of developers: opens only `/provision-local`. Default: `POOL_API_KEY`.
    services_grant_key: Option<ApiKeys>,
    /// A key that only reads: status, registry, instances, sweep reports and metrics, but no logs.
    services_reader_key: Option<ApiKeys>,
}

/// The accepted keys by purpose.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// Reading, without logs.
    pub(crate) read: ApiKeys,
    /// Creating, changing and destroying instances; logs.
    pub(crate) manage: ApiKeys,
    /// Local grants.
    pub(crate) grant: ApiKeys,
    /// The variables that are not set, so that `POOL_API_KEY` is used instead.
    pub(crate) shared: Vec<&'static str>,
}

impl Access {
    pub(crate) fn new(keys: PurposeKeys, pool_api_key: &ApiKeys) -> Self {
        let mut shared = Vec::new();
        let mut or_shared = |variable, key: Option<ApiKeys>| {
            key.unwrap_or_else(|| {
                shared.push(variable);
                pool_api_key.clone()
            })
        };
        let pool = or_shared("SERVICES_API_KEY", keys.services_api_key);
        let operators = or_shared("SERVICES_OPERATOR_KEY", keys.services_operator_key);
        let grants = or_shared("SERVICES_GRANT_KEY", keys.services_grant_key);
        let manage = pool.and(&operators);
        Self {
            read: match &keys.services_reader_key {
                Some(readers) => manage.and(readers),
                None => manage.clone(),
            },
            manage,
            grant: grants.and(&operators),
            shared,
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::settings::{self, Environment};

    use super::*;

    fn access<const N: usize>(pairs: [(&str, &str); N]) -> Access {
        let keys = settings::read("", &Environment::from_iter(pairs)).unwrap();
        Access::new(
            keys,
            &ApiKeys::try_from("the-one-shared-key".to_owned()).unwrap(),
        )
    }

    #[test]
    fn one_key_serves_every_purpose_that_has_none_of_its_own() {
        let access = access([]);
        assert!(
            access.read.accepts("the-one-shared-key")
                && access.manage.accepts("the-one-shared-key")
        );
        assert!(access.grant.accepts("the-one-shared-key"));
        assert_eq!(access.shared.len(), 3);
    }

    #[test]
    fn each_key_opens_its_purpose_and_no_other() {
        let access = access([
            ("SERVICES_API_KEY", "the-key-of-the-pool"),
            ("SERVICES_OPERATOR_KEY", "the-operators-key"),
            ("SERVICES_GRANT_KEY", "the-developers-key"),
            ("SERVICES_READER_KEY", "the-readers-key-1"),
        ]);
        assert_eq!(access.shared, [""; 0]);
        for (key, read, manage, grant) in [
            ("the-key-of-the-pool", true, true, false),
            ("the-operators-key", true, true, true),
            ("the-developers-key", false, false, true),
            ("the-readers-key-1", true, false, false),
            ("the-one-shared-key", false, false, false),
        ] {
            let opened =
                [&access.read, &access.manage, &access.grant].map(|keys| keys.accepts(key));
            assert_eq!(opened, [read, manage, grant], "{key}");
        }
    }
}
