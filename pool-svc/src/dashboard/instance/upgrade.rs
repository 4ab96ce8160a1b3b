//! The progress of the latest upgrade of an instance.

use agent_pool_core::wire::pool::{Upgrade, UpgradeState};
use chrono::Utc;
use maud::{Markup, html};

use super::super::format;

/// The section, if there was an upgrade.
pub(super) fn section(upgrade: Option<&Upgrade>) -> Markup {
    html! {
        @if let Some(upgrade) = upgrade {
            section .card aria-labelledby="upgrade" {
                h2 #upgrade { "Upgrade" }
                (facts(upgrade))
            }
        }
    }
}

fn facts(upgrade: &Upgrade) -> Markup {
    let now = Utc::now();
    let (class, words) = match upgrade.state {
        UpgradeState::Waiting => ("tag", "waiting for other upgrades of its request"),
        UpgradeState::Running => ("tag", "is being deployed"),
        UpgradeState::Done => ("tag", "done"),
        UpgradeState::Failed => ("tag bad", "failed"),
        UpgradeState::Stopped => ("tag warn", "not started"),
    };
    html! {
        dl {
            dt { "State" } dd { span class=(class) { (words) } }
            @if let Some(error) = &upgrade.error { dt { "Why" } dd { (error) } }
            dt { "Requested" }
            dd {
                (format::ago(upgrade.requested_at, now))
                @if let Some(by) = &upgrade.requested_by { " by " (by) }
            }
            @if let Some(at) = upgrade.ended_at { dt { "Ended" } dd { (format::ago(at, now)) } }
        }
    }
}
