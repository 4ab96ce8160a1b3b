//! The permissions that the provider needs, and a check that it has them.

use agent_pool_core::{Context, ErrorKind, ProviderError};
use kube::api::PostParams;
use kube::core::Request;
use serde::Deserialize;
use serde_json::json;

use crate::cluster::Cluster;
use crate::fault::Call;
use crate::kind::{self, Kind};
use crate::settings::Settings;
use crate::variables::Route;

/// Returns the caller's permissions in a namespace. It changes nothing, and every user may request it.
const REVIEW: Kind = Kind {
    group: "authorization.k8s.io",
    version: "v1",
    kind: "SelfSubjectRulesReview",
    plural: "selfsubjectrulesreviews",
};

const NEEDED: [(&Kind, &[&str]); 6] = [
    (
        &kind::STATEFUL_SET,
        &["get", "list", "create", "patch", "delete"],
    ),
    (&kind::POD, &["get", "list"]),
    (&kind::SECRET, &["create", "patch"]),
    (&kind::SERVICE, &["create", "patch"]),
    (&kind::CLAIM, &["create", "patch"]),
    (&kind::POLICY, &["create", "patch"]),
];

#[derive(Deserialize)]
struct Review {
    status: Rules,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    resource_rules: Vec<Rule>,
    /// Some authorizers cannot list all their rules.
    #[serde(default)]
    incomplete: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    verbs: Vec<String>,
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

impl Rule {
    fn allows(&self, verb: &str, kind: &Kind) -> bool {
        let has = |all: &[String], one: &str| all.iter().any(|item| item == one || item == "*");
        self.resource_names.is_empty()
            && has(&self.verbs, verb)
            && has(&self.api_groups, kind.group)
            && has(&self.resources, kind.plural)
    }
}

/// Reads the role's rules from the API server, and names every missing permission.
pub(crate) async fn check(
    cluster: &Cluster,
    cx: &Context,
    settings: &Settings,
) -> Result<(), ProviderError> {
    let namespace = cluster.namespace().await?;
    let body = json!({
        "apiVersion": REVIEW.api_version(),
        "kind": REVIEW.kind,
        "spec": { "namespace": namespace },
    });
    let path = format!("/apis/{}/{}", REVIEW.api_version(), REVIEW.plural);
    let request = Request::new(path).create(&PostParams::default(), body.to_string().into_bytes());
    let call = Call::new("create", &REVIEW, namespace, "");
    let answer = cluster.send(cx, &call, request).await?;
    let review: Review = serde_json::from_slice(&answer).map_err(|error| {
        ErrorKind::Protocol
            .because("the API server's review of our rules cannot be understood")
            .with_source(error)
    })?;
    let lacking = lacking(&review.status, settings.route);
    if lacking.is_empty() || review.status.incomplete {
        return Ok(());
    }
    let message = format!(
        "the role lacks in namespace {namespace}: {} (the README of provider-kubernetes has the Role)",
        lacking.join(", ")
    );
    Err(ErrorKind::Forbidden.because(message))
}

fn lacking(rules: &Rules, route: Route) -> Vec<String> {
    let routed: Option<(&Kind, &[&str])> = match route {
        Route::None => None,
        Route::Ingress => Some((&kind::INGRESS, &["create", "patch"])),
        Route::Gateway => Some((&kind::HTTP_ROUTE, &["create", "patch"])),
    };
    let needed = NEEDED.into_iter().chain(routed);
    let pairs = needed.flat_map(|(kind, verbs)| verbs.iter().map(move |verb| (kind, *verb)));
    let missing = pairs.filter(|(kind, verb)| {
        !rules
            .resource_rules
            .iter()
            .any(|rule| rule.allows(verb, kind))
    });
    missing
        .map(|(kind, verb)| format!("{verb} {}", kind.resource()))
        .collect()
}
