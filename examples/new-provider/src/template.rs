//! The crates of the tool and the infra `acme`, under any other name.

use crate::name::Name;

/// The files of the crate, as they are for the id `acme`. Rust in a template is Rust, so that editors,
/// rustfmt and readers take it for what it is.
const TOOL: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml")),
    ("README.md", include_str!("../template/README.md")),
    ("src/lib.rs", include_str!("../template/src/lib.rs")),
    (
        "src/settings.rs",
        include_str!("../template/src/settings.rs"),
    ),
    ("src/tool.rs", include_str!("../template/src/tool.rs")),
    ("src/wire.rs", include_str!("../template/src/wire.rs")),
    (
        "tests/conformance.rs",
        include_str!("../template/tests/conformance.rs"),
    ),
    (
        "tests/fake/mod.rs",
        include_str!("../template/tests/fake/mod.rs"),
    ),
    (
        "examples/fake.rs",
        include_str!("../template/examples/fake.rs"),
    ),
];

/// The same for an infra.
const INFRA: [(&str, &str); 10] = [
    ("Cargo.toml", include_str!("../infra/Cargo.toml")),
    ("README.md", include_str!("../infra/README.md")),
    ("src/lib.rs", include_str!("../infra/src/lib.rs")),
    ("src/settings.rs", include_str!("../infra/src/settings.rs")),
    ("src/infra.rs", include_str!("../infra/src/infra.rs")),
    ("src/wire.rs", include_str!("../infra/src/wire.rs")),
    (
        "tests/conformance.rs",
        include_str!("../infra/tests/conformance.rs"),
    ),
    (
        "tests/fake/mod.rs",
        include_str!("../infra/tests/fake/mod.rs"),
    ),
    (
        "tests/fake/program.rs",
        include_str!("../infra/tests/fake/program.rs"),
    ),
    (
        "examples/fake.rs",
        include_str!("../infra/examples/fake.rs"),
    ),
];

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

/// The text with every form of the name in the place of acme's: in one pass, because a new name may have
/// the old one in it.
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

/// Whether a template uses this word for something else.
pub(crate) fn has_word(word: &str) -> bool {
    let texts = TOOL
        .iter()
        .chain(&INFRA)
        .filter(|(path, _)| path.ends_with(".rs"));
    let mut words = texts.flat_map(|(_, text)| text.split(|c: char| !c.is_alphanumeric()));
    words.any(|one| one == word && one != "Acme")
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

    /// An id with a `-` is no name of Rust: it stands in texts and comments alone.
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
