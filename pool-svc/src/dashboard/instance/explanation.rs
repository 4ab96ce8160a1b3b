//! The explanation of an instance, in sentences.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::LifecycleEvent;
use chrono::Utc;
use maud::{Markup, html};

use crate::dashboard::explanation;
use crate::explain::explain_instance;

/// `events` are newest first.
pub(super) fn section(id: &InstanceId, events: &[LifecycleEvent]) -> Markup {
    let oldest_first: Vec<_> = events.iter().rev().cloned().collect();
    let story = explain_instance(id, &oldest_first, Utc::now());
    html! {
        @if !story.steps.is_empty() {
            (explanation::card(&story))
        }
    }
}
