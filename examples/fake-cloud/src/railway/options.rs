//! The options of Railway.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RailwayEdge;
use crate::Pace;

/// Tokens, limits and delays of Railway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayOptions {
    /// The accepted tokens.
    pub tokens: RailwayTokens,
    /// How long a deployment stays in each of `QUEUED`, `BUILDING`, `DEPLOYING`; reads are queries
    /// of any kind.
    pub stage_pace: Pace,
    /// How long new services, projects and volumes are missing from lists: up to 28 s observed [O].
    pub list_pace: Pace,
    /// Maximum number of volumes in a project: 10 on Hobby, 20 on Pro [D].
    pub volumes_per_project: usize,
    /// Maximum number of services in a project: 5 in the free trial [D], otherwise not published [?].
    pub services_per_project: Option<usize>,
    /// Minimum time between the creations of two projects or environments, in milliseconds: 30 s at the vendor [O].
    pub project_gap_ms: u64,
    /// Minimum time between the creations of two volumes, in milliseconds; seconds at the vendor [O].
    pub volume_gap_ms: u64,
    /// How long a new service or volume answers "not found" to changes: up to a minute observed [O]. Reads are
    /// such changes.
    pub ready_pace: Pace,
    /// How long a domain creation or a patch takes, in milliseconds; a second one in the same environment
    /// fails meanwhile [O].
    pub change_ms: u64,
    /// Variables that every service of an environment can refer to by `${{shared.NAME}}` [D].
    pub shared_variables: BTreeMap<String, String>,
    /// The limits of the edge; `None` for no limits.
    pub edge: Option<RailwayEdge>,
    /// The largest page of projects, with their contents, that is answered in time; a larger one is
    /// a 504 [O].
    pub slow_page: Option<usize>,
    /// The maximum and default page size: the vendor's CLI requests 500 [CLI]. Larger requests are reduced to it.
    pub page_size: usize,
    /// The answer to requests for a deleted resource: `Not Authorized`, or `Problem processing
    /// request` [O].
    pub gone_message: String,
    /// Whether a new image in `serviceInstanceUpdate` deploys automatically, as observed [U].
    pub image_update_deploys: bool,
    /// Where changes of deployments are sent, as Railway's webhooks are [D]; http only.
    pub webhook_url: Option<url::Url>,
    /// The host in the domains of services. A name other than an address must be resolved by the caller's proxy.
    pub domain_host: String,
}

/// The tokens of Railway, one of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayTokens {
    /// Bearer; everything of the user, including `me`.
    pub account: String,
    /// Bearer; the workspace, but not `me`.
    pub workspace: String,
    /// `Project-Access-Token`; the first project's first environment.
    pub project: String,
}

impl Default for RailwayOptions {
    fn default() -> Self {
        Self {
            tokens: RailwayTokens {
                account: "fake-railway-account-token".into(),
                workspace: "fake-railway-workspace-token".into(),
                project: "fake-railway-project-token".into(),
            },
            stage_pace: Pace::Reads(1),
            list_pace: Pace::AT_ONCE,
            volumes_per_project: 20,
            services_per_project: None,
            project_gap_ms: 0,
            volume_gap_ms: 0,
            ready_pace: Pace::AT_ONCE,
            change_ms: 0,
            shared_variables: BTreeMap::from([("SECRET".into(), "the operator's".into())]),
            edge: None,
            slow_page: None,
            page_size: 500,
            gone_message: "Not Authorized".into(),
            image_update_deploys: true,
            webhook_url: None,
            domain_host: "127.0.0.1".into(),
        }
    }
}
