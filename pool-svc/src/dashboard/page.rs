//! What every page has around its content.

use agent_pool_core::wire::problem::Problem;
use maud::{DOCTYPE, Markup, html};

use super::assets::{CLAIM, ICON, LIVE, STYLE};
use super::session::{Role, Session};
use crate::app::App;

/// The pages that every page leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Fleet,
    Claim,
    OverTime,
    Providers,
}

impl Tab {
    const ALL: [Self; 4] = [Self::Fleet, Self::Claim, Self::OverTime, Self::Providers];

    /// Whether somebody is led there.
    fn is_for(self, role: Role) -> bool {
        self != Self::Claim || role == Role::Operator
    }

    const fn link(self) -> (&'static str, &'static str) {
        match self {
            Self::Fleet => ("/", "Fleet"),
            Self::Claim => ("/claim", "Claim"),
            Self::OverTime => ("/over-time", "Over time"),
            Self::Providers => ("/providers", "Providers"),
        }
    }
}

/// A page of somebody who is signed in. `content` begins with its `h1`.
pub(super) fn signed_in(
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
                    (token(session))
                    button type="submit" .quiet { "Sign out" }
                }
            }
        }
        main #main tabindex="-1" { (content) }
    };
    document(title, &content)
}

/// What a form that changes something brings along.
pub(super) fn token(session: &Session) -> Markup {
    html! { input type="hidden" name="token" value=(session.token()); }
}

/// Says whether the page follows what happens. Its script shows it, and loads the page's parts anew with
/// each change, and every so many seconds.
pub(super) fn live(every: u32) -> Markup {
    html! { span .live role="status" data-live=(every) hidden {} }
}

/// What failed, on what, and what to do.
pub(super) fn problem(problem: &Problem) -> Markup {
    let content = html! {
        main #main .narrow tabindex="-1" {
            h1 { (problem.title) }
            p .notice.bad role="alert" { (sentence(&problem.detail)) }
            p .hint { "Status " (problem.status) ", code " code { (problem.code) } }
            p { a .button href="/" { "Back to the fleet" } }
        }
    };
    document(&problem.title, &content)
}

/// Errors are written without capital and full stop.
pub(super) fn sentence(detail: &str) -> String {
    let mut chars = detail.trim_end_matches('.').chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).chain(['.']).collect()
}

pub(super) fn document(title: &str, content: &Markup) -> Markup {
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
                a .skip href="#main" { "Skip to the content" }
                (content)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_a_sentence() {
        assert_eq!(sentence("no instance is idle"), "No instance is idle.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), ".");
    }
}
