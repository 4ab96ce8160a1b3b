//! What is said once the crate is there.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::files::Files;
use crate::name::Name;
use crate::template::YOURS;

/// A pipe that is closed is no failure.
pub(crate) fn print(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// Formats the crate and what names it, whose lines have other lengths than the template's; answers
/// whether that was left to be done.
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

/// What was made, what is the author's, and what to do next.
pub(crate) fn of(name: &Name, files: &Files, standalone: bool, unformatted: bool) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = |path: &Path| {
        path.strip_prefix(&here)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    let mut text = format!("made {}\n", shown(files.folder()));
    for path in files.changed() {
        let _ = writeln!(text, "changed {}", shown(path));
    }
    text += "\nIt works, with a vendor that is made up. Yours to fill in:\n\n";
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
    let package = name.package();
    let steps = match standalone {
        true => format!(
            "  cd {}\n  cargo test                    # the conformance suite, against the fake in tests/fake\n",
            shown(files.folder())
        ),
        false => format!(
            "  cargo test -p {package}                # the conformance suite, against the fake in tests/fake
  cargo run -p {package} --example fake  # that fake, running, for:
  cargo run -p mock-harness -- --tools mock-llm,{}
  UPDATE=1 cargo test -p mock-harness --test settings_page && UPDATE=1 cargo test -p new-provider --test architecture
",
            name.id()
        ),
    };
    text += &steps;
    if unformatted {
        text += "\nrustfmt could not be run: `cargo fmt` is left to do.\n";
    }
    if standalone {
        let library = name.library();
        let _ = writeln!(
            text,
            "\nA binary has it once it names it (`use {library} as _;`), as examples/outsider does."
        );
    }
    text
}
