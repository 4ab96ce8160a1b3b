//! Variables that look like ours but that nothing reads: misspelt ones, and those that Kubernetes injects.

use std::collections::BTreeSet;

use agent_pool_core::settings::Environment;

use super::check::Checks;
use super::settings::Here;

/// Variables with these prefixes are meant for us.
const OURS: [&str; 10] = [
    "POOL_",
    "SERVICES_",
    "CLAIM_",
    "TICK_",
    "SWEEP_",
    "LOCAL_",
    "RAILWAY_",
    "TELNYX_",
    "AGENTMAIL_",
    "OPENROUTER_",
];
/// Railway sets it, and a dozen more with the same prefix, in every container.
const ON_RAILWAY: &str = "RAILWAY_DEPLOYMENT_ID";
/// Read by this program, or read by prefix.
const READ_ELSEWHERE: [&str; 2] = ["POOL_URL", "SERVICES_URL"];
/// With more edits than this it is another word, not a misspelt one.
const MOST_EDITS: usize = 3;

pub(super) fn check(here: &Here, environment: &Environment) -> Checks {
    let mut checks = Checks::new("settings");
    let Ok(registry) = &here.registry else {
        return checks;
    };
    let known = pool_svc::Config::reference()
        .into_iter()
        .chain(services_svc::Config::reference(registry));
    let known: BTreeSet<String> = known.map(|setting| setting.variable).collect();
    let on_railway = environment.get(ON_RAILWAY).is_some();
    let ours = |name: &&str| {
        let is_railways = on_railway && name.starts_with("RAILWAY_");
        OURS.iter().any(|prefix| name.starts_with(prefix)) && !is_railways
    };
    let read = |name: &str| known.contains(name) || READ_ELSEWHERE.contains(&name);
    let all = environment.with_prefix("");
    let mut any = false;
    for (name, value) in all.filter(|(name, _)| ours(name) && !read(name)) {
        // The services also read the common names with their own prefix.
        let common = ["POOL_SVC_", "SERVICES_SVC_"].into_iter();
        let mut common = common.filter_map(|prefix| name.strip_prefix(prefix));
        if injected(name, value) {
            any = true;
            checks.warn(
                name,
                "was set by Kubernetes for a service of that name and is ignored",
                "set `enableServiceLinks: false` in the pod to avoid such variables",
            );
        } else if !common.any(|rest| known.contains(rest)) {
            any = true;
            let near = nearest(name, &known);
            let todo = near.map_or_else(
                || "unset it, or see `services-svc --help` and `pool-svc --help`".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            checks.warn(name, "is set, but nothing reads it", &todo);
        }
    }
    if !any {
        checks.ok("stray variables", "none");
    }
    checks
}

/// Kubernetes sets `NAME_PORT=tcp://…` and more for every service in the namespace.
fn injected(name: &str, value: &str) -> bool {
    value.starts_with("tcp://") || name.contains("_PORT_") || name.contains("_SERVICE_")
}

fn nearest<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    let all = known.iter().map(|one| (edits(name, one), one.as_str()));
    let (edits, near) = all.min()?;
    (edits <= MOST_EDITS).then_some(near)
}

/// The Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (to, right) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(left != right);
            diagonal = row[to + 1];
            row[to + 1] = substituted.min(diagonal + 1).min(row[to] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["POOL_MIN_IDLE", "POOL_TOOLS"].map(str::to_owned).into();
        assert_eq!(nearest("POOL_MIN_IDEL", &known), Some("POOL_MIN_IDLE"));
        assert_eq!(nearest("POOL_COLOUR", &known), None);
        assert_eq!((edits("", "abc"), edits("abc", "abc")), (3, 0));
    }

    #[test]
    fn variables_injected_by_kubernetes_are_recognised() {
        assert!(injected("POOL_SVC_PORT", "tcp://10.0.0.7:3001"));
        assert!(injected("POOL_SVC_SERVICE_HOST", "10.0.0.7"));
        assert!(!injected("POOL_SVC_PORT", "3001"));
    }
}
