//! The files of the templates, as they are for the id `acme`.

/// The files of the crate, as they are for the id `acme`. The templates are Rust files, so that
/// editors and rustfmt can handle them.
pub(crate) const TOOL: [(&str, &str); 9] = [
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
pub(crate) const INFRA: [(&str, &str); 10] = [
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

/// Whether a template uses this word for something else.
pub(crate) fn has_word(word: &str) -> bool {
    let texts = TOOL
        .iter()
        .chain(&INFRA)
        .filter(|(path, _)| path.ends_with(".rs"));
    let mut words = texts.flat_map(|(_, text)| text.split(|c: char| !c.is_alphanumeric()));
    words.any(|one| one == word && one != "Acme")
}
