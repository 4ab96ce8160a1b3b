//! How Railway is set up.

use serde::{Deserialize, Serialize};

use crate::Pace;

/// Tokens, limits and slowness of Railway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayOptions {
    /// The tokens that are accepted.
    pub tokens: RailwayTokens,
    /// How long a deployment stays in each of `QUEUED`, `BUILDING`, `DEPLOYING`; reads are queries
    /// of any kind.
    pub stage_pace: Pace,
    /// How long new services, projects and volumes are missing from lists: up to 28 s seen [O].
    pub list_pace: Pace,
    /// Volumes in one project: 10 on Hobby, 20 on Pro [D].
    pub volumes_per_project: usize,
    /// Services in one project; 5 in the free trial [D], not published otherwise [?].
    pub services_per_project: Option<usize>,
    /// Milliseconds between two projects (and between two environments): 30 s at the vendor [O].
    pub project_gap_ms: u64,
    /// Milliseconds between two volumes; seconds at the vendor [O].
    pub volume_gap_ms: u64,
    /// The largest and usual page: the vendor's CLI asks for 500 [CLI]. More is cut to this.
    pub page_size: usize,
    /// What anything asked of a deleted thing answers: `Not Authorized`, or `Problem processing
    /// request` [O].
    pub gone_message: String,
    /// Whether a new image in `serviceInstanceUpdate` deploys by itself, as has been seen [U].
    pub image_update_deploys: bool,
    /// The host in the domains of services. A name other than an address must be resolved by the caller's proxy.
    pub domain_host: String,
}

/// The tokens of Railway, one of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayTokens {
    /// Bearer; all of the user, `me` included.
    pub account: String,
    /// Bearer; the workspace, not `me`.
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
            page_size: 500,
            gone_message: "Not Authorized".into(),
            image_update_deploys: true,
            domain_host: "127.0.0.1".into(),
        }
    }
}
