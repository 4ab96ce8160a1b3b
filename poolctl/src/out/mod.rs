//! The output: answers on standard output, everything else on standard error.

mod confirm;
mod form;
mod progress;
mod table;
mod time;
mod words;

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use console::Term;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use confirm::{Yes, choose, is_interactive};
pub(crate) use form::Form;
pub(crate) use progress::{during, progress_bar, spinner};
pub(crate) use table::Table;
pub(crate) use time::{age, ago, clock};
pub(crate) use words::{
    bad, cell, colour_of, count_of, dim, good, list_of, plain, status_word, strong, warning,
};

/// How this run answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    json: bool,
    json_errors: bool,
}

impl Out {
    /// JSON if `--json` is set or the output is not a terminal.
    pub(crate) fn new(form: Form) -> Self {
        let elsewhere = !form.human && !io::stdout().is_terminal();
        Self {
            json: form.json || elsewhere,
            // If the output goes to a file, errors are still shown on the terminal.
            json_errors: form.json || (elsewhere && !io::stderr().is_terminal()),
        }
    }

    /// Whether answers are JSON.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints the answer: `value` as JSON, or the text from `human`.
    pub(crate) fn answer<T: Serialize>(
        self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json {
            let text = serde_json::to_string_pretty(value);
            print(&text.map_err(|error| Failure::new(Exit::Failed, "no_json", error.to_string()))?)
        } else {
            print(&human())
        }
    }

    /// Progress messages, for people only.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            Term::stderr().write_line(text).ok();
        }
    }

    /// Prints the error of a command.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.json_errors {
            let json = serde_json::to_string(failure).unwrap_or_else(|_| failure.to_string());
            writeln!(io::stderr(), "{json}").ok();
            return;
        }
        let red = console::style("error:").red().bold().for_stderr();
        writeln!(io::stderr(), "{red} {failure}").ok();
        if let Some(hint) = failure.hinted() {
            let dim = console::style("hint:").cyan().for_stderr();
            writeln!(io::stderr(), "{dim} {hint}").ok();
        }
    }
}

/// Prints text to standard output. A closed pipe is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_line(text).map(|_| ())
}

/// The same. Returns whether the reader is still open.
pub(crate) fn print_line(text: &str) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    let text = text.trim_end_matches('\n');
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let message = format!("the answer cannot be written: {error}");
            Err(Failure::new(Exit::Failed, "no_output", message))
        }
    }
}
