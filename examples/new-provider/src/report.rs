//! The report after a crate was generated.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::files::Files;
use crate::name::Name;
use crate::template::YOURS;

/// A closed pipe is not a failure.
pub(crate) fn print(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// Formats the crate and the files that name it, whose lines have other lengths than the template's. Returns whether
/// that is left to do.
pub(crate) fn format(files: &Files) -> bool {
    let new = files.new_ones().iter().map(|(path, _)| path.as_path());
    let sources = new
        .chain(files.changed())
        .filter(|path| path.extension() == Some("rs".as_ref()));
    let formatted = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .args(sources)
        .output();
    !formatted.is_ok_and(|output| output.status.success())
}

/// What was generated, and so what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Tool,
    Standalone,
    Infra,
}

/// What was generated, the places to change, and the next steps.
pub(crate) fn render(name: &Name, files: &Files, next: Next, unformatted: bool) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = |path: &Path| {
        path.strip_prefix(&here)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    let mut text = format!("created {}\n", shown(files.folder()));
    for path in files.changed() {
        let _ = writeln!(text, "changed {}", shown(path));
    }
    text += "\nIt works, with an invented vendor. Change these places:\n\n";
    for (path, _) in files.new_ones() {
        // As it is on disk, formatted.
        let source = std::fs::read_to_string(path).unwrap_or_default();
        for (at, line) in (1..).zip(source.lines()) {
            if let Some((_, what)) = line.split_once(YOURS) {
                let _ = writeln!(text, "  {}:{at}: {what}", shown(path));
            }
        }
    }
    text += "\nNext:\n\n";
    let (package, id) = (name.package(), name.id());
    let steps = match next {
        Next::Standalone => format!(
            "  cd {}\n  cargo test                    # the conformance suite, against the fake in tests/fake\n",
            shown(files.folder())
        ),
        Next::Tool => format!(
            "  cargo test -p {package}                # the conformance suite, against the fake in tests/fake
  cargo run -p {package} --example fake  # that fake, running, for:
  cargo run -p mock-harness -- --tools mock-llm,{id}
  UPDATE=1 cargo test -p mock-harness --test settings_page && UPDATE=1 cargo test -p new-provider --test architecture
"
        ),
        Next::Infra => format!(
            "  cargo test -p {package}                # the conformance suite, against the fake engine in tests/fake
  INFRA_PROVIDER={id}                    # for services-svc, with the settings of src/settings.rs
  UPDATE=1 cargo test -p mock-harness --test settings_page && UPDATE=1 cargo test -p new-provider --test architecture
"
        ),
    };
    text += &steps;
    if unformatted {
        text += "\nrustfmt is not installed: run `cargo fmt`.\n";
    }
    if next == Next::Standalone {
        let library = name.library();
        let _ = writeln!(
            text,
            "\nA binary that names it (`use {library} as _;`) is linked with it, as examples/outsider shows."
        );
    }
    text
}
