//! The one change that deploys an instance: image, start command, limits, credentials and variables
//! together, so that it deploys exactly once and never boots without its variables.

use std::borrow::Cow;

use agent_pool_core::{EnvVars, Secret, escape_value, runtime};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::settings::RailwaySettings;

/// A variable that differs in every deployment, because a patch that changes nothing deploys nothing.
const DEPLOYED_AT: &str = "AGENT_POOL_DEPLOYED_AT";

/// The patch of a service to run `image`, with its existing variables and those of `set`.
pub(crate) fn deployment(
    settings: &RailwaySettings,
    image: &str,
    set: &EnvVars,
    now: DateTime<Utc>,
) -> Value {
    json!({
        "source": { "image": image },
        "deploy": deploy(settings),
        "variables": variables(settings, set, now),
    })
}

fn deploy(settings: &RailwaySettings) -> Value {
    let region = settings.region.as_ref();
    let region = region.map(|region| json!({ region: { "numReplicas": 1 } }));
    let limits = present([
        ("cpu", settings.vcpu.map(Value::from)),
        ("memoryBytes", settings.memory_mb.map(bytes)),
    ]);
    let registry = settings
        .registry()
        .map(|(username, password)| json!({ "username": username, "password": password.expose() }));
    Value::Object(present([
        // An idle service that is put to sleep looks dead to the pool.
        ("sleepApplication", Some(false.into())),
        (
            "restartPolicyType",
            Some(settings.restart_policy.word().into()),
        ),
        (
            "restartPolicyMaxRetries",
            Some(settings.restart_retries.into()),
        ),
        ("multiRegionConfig", region),
        (
            "healthcheckPath",
            settings.healthcheck_path.clone().map(Value::from),
        ),
        (
            "healthcheckTimeout",
            settings
                .healthcheck_timeout
                .map(|seconds| seconds.get().into()),
        ),
        (
            "drainingSeconds",
            settings.draining_seconds.map(Value::from),
        ),
        (
            "startCommand",
            settings.start_command.clone().map(Value::from),
        ),
        ("registryCredentials", registry),
        (
            "limitOverride",
            (!limits.is_empty()).then(|| json!({ "containers": limits })),
        ),
    ]))
}

fn bytes(megabytes: std::num::NonZeroU32) -> Value {
    (u64::from(megabytes.get()) * 1_000_000).into()
}

fn variables(settings: &RailwaySettings, set: &EnvVars, now: DateTime<Utc>) -> Map<String, Value> {
    let port = settings.target_port.map(|port| port.to_string());
    let deployed_at = now.to_rfc3339_opts(SecondsFormat::Micros, true);
    let folder = settings.volume_mount.clone();
    let own = [
        (runtime::PORT, port),
        (runtime::INSTANCE_DATA_DIR, Some(folder)),
        (DEPLOYED_AT, Some(deployed_at)),
    ];
    let own = own
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let asked = set.iter().map(|(name, value)| {
        (
            name.to_string(),
            literal(settings, name.as_str(), value).into_owned(),
        )
    });
    own.chain(asked)
        .map(|(name, value)| (name, json!({ "value": value })))
        .collect()
}

/// A value in which Railway finds no reference. Otherwise it would replace `${{shared.KEY}}` in a claimer's text; it
/// has no escape for it.
fn literal<'a>(settings: &RailwaySettings, name: &str, value: &'a Secret) -> Cow<'a, str> {
    let value = value.expose();
    if value.contains("${{") && !settings.resolves(name) {
        escape_value(value).into()
    } else {
        value.into()
    }
}

/// Values for a call that takes them as plain strings.
pub(crate) fn values(settings: &RailwaySettings, set: &EnvVars) -> Map<String, Value> {
    let value = |name: &str, value| Value::from(literal(settings, name, value));
    set.iter()
        .map(|(name, given)| (name.to_string(), value(name.as_str(), given)))
        .collect()
}

fn present<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use agent_pool_core::Secret;

    use super::*;

    pub(crate) fn patch<const N: usize>(pairs: [(&str, &str); N]) -> Value {
        let settings = RailwaySettings::sample(pairs).unwrap();
        let set = EnvVars::from_iter([("AGENT_NAME".parse().unwrap(), Secret::new("Ada"))]);
        let now = "2026-11-23T19:00:00Z".parse().unwrap();
        let service = deployment(&settings, "acme/runtime@sha256:1", &set, now);
        json!({ "services": { "service-1": service } })
    }

    /// Every setting that a patch carries.
    pub(crate) const EVERYTHING: [(&str, &str); 12] = [
        ("RAILWAY_REGION", "europe-west4"),
        ("RAILWAY_RESTART_POLICY", "always"),
        ("RAILWAY_RESTART_RETRIES", "3"),
        ("RAILWAY_HEALTHCHECK_PATH", "/pool/health"),
        ("RAILWAY_HEALTHCHECK_TIMEOUT", "120"),
        ("RAILWAY_DRAINING_SECONDS", "20"),
        ("RAILWAY_START_COMMAND", "serve --all"),
        ("RAILWAY_REGISTRY_USERNAME", "acme"),
        ("RAILWAY_REGISTRY_PASSWORD", "hunter2"),
        ("RAILWAY_MEMORY_MB", "512"),
        ("RAILWAY_VCPU", "0.5"),
        ("RAILWAY_TARGET_PORT", "8080"),
    ];

    #[test]
    fn a_patch_carries_all_that_a_deployment_needs() {
        let expected = json!({ "services": { "service-1": {
            "source": { "image": "acme/runtime@sha256:1" },
            "deploy": {
                "sleepApplication": false,
                "restartPolicyType": "ALWAYS",
                "restartPolicyMaxRetries": 3,
                "multiRegionConfig": { "europe-west4": { "numReplicas": 1 } },
                "healthcheckPath": "/pool/health",
                "healthcheckTimeout": 120,
                "drainingSeconds": 20,
                "startCommand": "serve --all",
                "registryCredentials": { "username": "acme", "password": "hunter2" },
                "limitOverride": { "containers": { "cpu": 0.5, "memoryBytes": 512_000_000 } },
            },
            "variables": {
                "AGENT_NAME": { "value": "Ada" },
                "AGENT_POOL_DEPLOYED_AT": { "value": "2026-11-23T19:00:00.000000Z" },
                "INSTANCE_DATA_DIR": { "value": "/data" },
                "PORT": { "value": "8080" },
            },
        }}});
        assert_eq!(patch(EVERYTHING), expected);
    }

    #[test]
    fn a_reference_is_left_to_railway_only_where_the_operator_says_so() {
        let settings =
            RailwaySettings::sample([("RAILWAY_REFERENCES", "DATABASE_URL, X")]).unwrap();
        let value = Secret::new("${{Postgres.DATABASE_URL}}");
        for name in ["DATABASE_URL", "X"] {
            assert_eq!(literal(&settings, name, &value), value.expose());
        }
        let text = literal(&settings, "AGENT_INSTRUCTIONS", &value);
        assert!(!text.contains('$'), "{text}");
        let plain = Secret::new("$HOME ${x} {{y}}");
        assert_eq!(literal(&settings, "A", &plain), plain.expose());
    }

    #[test]
    fn what_is_not_set_is_not_in_the_patch() {
        let patch = patch([]);
        let service = &patch["services"]["service-1"];
        let expected = json!({
            "sleepApplication": false,
            "restartPolicyType": "ON_FAILURE",
            "restartPolicyMaxRetries": 10,
        });
        assert_eq!(service["deploy"], expected);
        assert!(service["variables"].get("PORT").is_none());
    }
}
