//! An explanation of an instance or of a pool, in sentences.

use agent_pool_core::wire::pool::Explanation;
use maud::{Markup, html};

pub(super) fn card(story: &Explanation) -> Markup {
    html! {
        section .card.story aria-labelledby="explanation" {
            h2 #explanation { "Explanation" }
            @for step in &story.steps { p { (step.text) } }
        }
    }
}
