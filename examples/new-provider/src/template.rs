//! The crates of the tool and the infra `acme`, under any other name.

use crate::name::Name;
use crate::texts::{INFRA, TOOL};

/// The start of a line that marks a place to change.
pub(crate) const YOURS: &str = "// Yours: ";

/// Every file of a new tool: its path in the crate, and its text.
pub(crate) fn tool(name: &Name) -> impl Iterator<Item = (&'static str, String)> {
    TOOL.map(|(path, text)| (path, renamed(text, name)))
        .into_iter()
}

/// Every file of a new infra.
pub(crate) fn infra(name: &Name) -> impl Iterator<Item = (&'static str, String)> {
    INFRA
        .map(|(path, text)| (path, renamed(text, name)))
        .into_iter()
}

/// The text with every form of acme's name replaced: in one pass, because a new name may contain the old
/// one.
fn renamed(text: &str, name: &Name) -> String {
    let forms = [
        ("provider_acme", name.library()),
        ("ACME", name.upper()),
        ("Acme", name.camel()),
        ("acme", name.id().to_owned()),
    ];
    let (mut done, mut rest) = (String::new(), text);
    let first = |rest: &str| {
        let found = forms
            .iter()
            .filter_map(|form| Some((rest.find(form.0)?, form)));
        found.min_by_key(|(at, _)| *at)
    };
    while let Some((at, (old, new))) = first(rest) {
        done.push_str(&rest[..at]);
        done.push_str(new);
        rest = &rest[at + old.len()..];
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_acme_is_left_under_another_name() {
        let name: Name = "zeta-mail".parse().unwrap();
        for (path, text) in tool(&name).chain(infra(&name)) {
            assert!(!text.to_lowercase().contains("acme"), "{path}:\n{text}");
            assert!(!text.contains("zeta-mail_"), "{path}:\n{text}");
        }
        let manifest = tool(&name).next().unwrap().1;
        assert!(
            manifest.contains("name = \"provider-zeta-mail\""),
            "{manifest}"
        );
    }

    /// An id with a `-` is not a name in Rust, so it may only be in texts and comments.
    #[test]
    fn an_id_is_never_taken_for_a_name_of_rust() {
        let name: Name = "acme-mail".parse().unwrap();
        let files = tool(&name).chain(infra(&name));
        for (path, text) in files.filter(|(path, _)| path.ends_with(".rs")) {
            for line in text.lines() {
                for (at, _) in line.match_indices("acme-mail") {
                    let before = &line[..at];
                    let quoted = before.matches('"').count() % 2 == 1;
                    assert!(quoted || before.contains("//"), "{path}: {line}");
                }
            }
        }
    }

    #[test]
    fn the_places_to_fill_in_are_marked() {
        for files in [&TOOL[..], &INFRA[..]] {
            let marks = files.iter().map(|(_, text)| text.matches(YOURS).count());
            assert!(marks.sum::<usize>() >= 4);
        }
    }
}
