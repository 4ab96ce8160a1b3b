//! What Services says about an instance. The document is shown without being interpreted.

use agent_pool_client::CallError;
use agent_pool_core::wire::problem::ProblemCode;
use agent_pool_core::wire::services::{Document, DocumentRow, DocumentSection};
use maud::{Markup, html};

use super::super::page;

/// The document, or why there is none.
pub(super) fn document(answer: &Result<Document, CallError>) -> Markup {
    html! {
        @match answer {
            Ok(document) => @for (index, part) in document.sections.iter().enumerate() { (section(index, part)) },
            Err(error) if error.is(&ProblemCode::UnknownInstance) => p .notice {
                "Services has no resources for this instance: it has not created them yet, or has destroyed them all."
            },
            Err(error) => p .notice.warn {
                (page::sentence(&error.to_string()))
                " Infrastructure and tools are shown when Services is available again."
            },
        }
    }
}

fn section(index: usize, section: &DocumentSection) -> Markup {
    let id = format!("section-{index}");
    html! {
        section .card aria-labelledby=(id) {
            h2 id=(id) { (section.title) }
            dl { @for row in &section.rows { dt { (row.label) } dd { (value(row)) } } }
        }
    }
}

fn value(row: &DocumentRow) -> Markup {
    let link = row.link.as_ref();
    // Any other scheme could run in the page.
    let link = link.filter(|link| matches!(link.scheme(), "http" | "https"));
    html! {
        @match link {
            Some(link) => a href=(link) target="_blank" rel="noopener noreferrer" { (row.value) },
            None => (row.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_links() {
        let drawn = |link: &str| {
            let row = DocumentRow {
                label: "URL".to_owned(),
                value: "<here>".to_owned(),
                link: Some(link.parse().unwrap()),
            };
            value(&row).into_string()
        };
        assert!(drawn("https://a.example/").starts_with("<a href=\"https://a.example/\""));
        assert_eq!(drawn("javascript:alert(1)"), "&lt;here&gt;");
    }
}
