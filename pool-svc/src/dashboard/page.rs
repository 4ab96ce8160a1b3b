//! The layout of every page.

use agent_pool_core::wire::problem::Problem;
use maud::{DOCTYPE, Markup, html};

use super::assets::{CLAIM, ICON, LIVE, STYLE};
use super::session::{Role, Session};
use crate::app::App;

/// The pages in the navigation bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Fleet,
    Claim,
    Pools,
    OverTime,
    Costs,
    Events,
    Providers,
    Webhooks,
}

impl Tab {
    const ALL: [Self; 8] = [
        Self::Fleet,
        Self::Claim,
        Self::Pools,
        Self::OverTime,
        Self::Costs,
        Self::Events,
        Self::Providers,
        Self::Webhooks,
    ];

    /// Whether the navigation bar of this role has it.
    fn is_for(self, role: Role) -> bool {
        self != Self::Claim || role == Role::Operator
    }

    const fn link(self) -> (&'static str, &'static str) {
        match self {
            Self::Fleet => ("/", "Fleet"),
            Self::Claim => ("/claim", "Claim"),
            Self::Pools => ("/pools", "Pools"),
            Self::OverTime => ("/over-time", "Over time"),
            Self::Costs => ("/costs", "Costs"),
            Self::Events => ("/events", "Events"),
            Self::Providers => ("/providers", "Providers"),
            Self::Webhooks => ("/webhooks", "Webhooks"),
        }
    }
}

/// The layout for a signed-in user. `content` begins with the `h1`.
pub(super) fn layout(
    app: &App,
    session: &Session,
    tab: Option<Tab>,
    title: &str,
    content: &Markup,
) -> Markup {
    let content = html! {
        header .bar {
            a .brand href="/" { img src=(ICON.url()) alt=""; "agent-pool" }
            nav aria-label="Pages" {
                @for it in Tab::ALL.into_iter().filter(|it| it.is_for(session.role)) {
                    @let (href, name) = it.link();
                    a href=(href) aria-current=[(tab == Some(it)).then_some("page")] { (name) }
                }
            }
            div .who {
                span .where { (app.config.pool.pool_environment.to_string()) }
                @if session.role == Role::Reader { span .where { "read only" } }
                form method="post" action="/sign-out" {
                    (csrf_field(session))
                    button type="submit" .quiet { "Sign out" }
                }
            }
        }
        main #main tabindex="-1" { (content) }
    };
    html_page(title, &content)
}

/// The hidden field that every form that changes something must have.
pub(super) fn csrf_field(session: &Session) -> Markup {
    html! { input type="hidden" name="token" value=(session.token()); }
}

/// Shows whether the page receives live updates. The script reloads the parts of the page after each
/// change and every `every` seconds.
pub(super) fn live_indicator(every: u32) -> Markup {
    html! { span .live role="status" data-live=(every) hidden {} }
}

/// An error message as a sentence: messages have no capital and no full stop.
pub(super) fn sentence(detail: &str) -> String {
    let mut chars = detail.trim_end_matches('.').chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).chain(['.']).collect()
}

/// What a problem says. The name of a member, such as `policy.minIdle`, stays as it is.
pub(super) fn explain(problem: &Problem) -> String {
    let detail = &problem.detail;
    let is_word = |name: &str| name.chars().all(|it| it.is_lowercase() || it == ' ');
    match &problem.field {
        Some(field) if detail.starts_with(field) && !is_word(field) => {
            format!("{}.", detail.trim_end_matches('.'))
        }
        Some(_) | None => sentence(detail),
    }
}

pub(super) fn html_page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · agent-pool" }
                link rel="icon" type="image/svg+xml" href=(ICON.url());
                link rel="stylesheet" href=(STYLE.url());
                @for script in [LIVE, CLAIM] { script src=(script.url()) type="module" {} }
            }
            body {
                a .skip href="#main" { "Skip to content" }
                (content)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::wire::problem::ProblemCode;

    use super::*;

    #[test]
    fn an_error_reads_as_a_sentence() {
        assert_eq!(sentence("no instance is idle"), "No instance is idle.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), ".");
        let detail = "policy.minIdle: is 3: expected no more than maxTotal, which is 2";
        let problem = Problem::new(ProblemCode::InvalidField, detail);
        assert!(explain(&problem).starts_with("Policy"));
        let named = explain(&problem.with_field("policy.minIdle"));
        assert_eq!(named, format!("{detail}."));
    }
}
