//! The crate of the tool `acme`, and the same of any other name.

use crate::name::Name;

/// The files of the crate, as they are for the id `acme`. Rust in a template is Rust, so that editors,
/// rustfmt and readers take it for what it is.
const TOOL: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml")),
    ("README.md", include_str!("../template/README.md")),
    ("src/lib.rs", include_str!("../template/src/lib.rs")),
    ("src/vendor.rs", include_str!("../template/src/vendor.rs")),
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

/// How a line begins that says what is the author's.
pub(crate) const YOURS: &str = "// Yours: ";

/// Every file of a new tool: its path in the crate, and its text.
pub(crate) fn tool(name: &Name) -> impl Iterator<Item = (&'static str, String)> {
    TOOL.map(|(path, text)| (path, renamed(text, name)))
        .into_iter()
}

/// `provider-acme` and the id keep their `-`, which no name of Rust can have.
fn renamed(text: &str, name: &Name) -> String {
    text.replace("provider_acme", &name.library())
        .replace("ACME", &name.upper())
        .replace("Acme", &name.camel())
        .replace("acme", name.id())
}

/// Whether the template has this word for something else.
pub(crate) fn has_word(word: &str) -> bool {
    let texts = TOOL.iter().filter(|(path, _)| path.ends_with(".rs"));
    let mut words = texts.flat_map(|(_, text)| text.split(|c: char| !c.is_alphanumeric()));
    words.any(|one| one == word && one != "Acme")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_acme_is_left_under_another_name() {
        let name: Name = "zeta-mail".parse().unwrap();
        for (path, text) in tool(&name) {
            assert!(!text.to_lowercase().contains("acme"), "{path}:\n{text}");
            assert!(!text.contains("zeta-mail_"), "{path}:\n{text}");
        }
        let manifest = tool(&name).next().unwrap().1;
        assert!(
            manifest.contains("name = \"provider-zeta-mail\""),
            "{manifest}"
        );
    }

    #[test]
    fn the_places_to_fill_in_are_marked() {
        let marks = TOOL.iter().map(|(_, text)| text.matches(YOURS).count());
        assert!(marks.sum::<usize>() >= 4);
    }
}
