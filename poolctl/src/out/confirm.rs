//! Questions, if there is a terminal.

use std::io::{self, ErrorKind, IsTerminal as _};

use clap::Args;
use console::{Term, truncate_str};
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, Select};

use crate::exit::Exit;
use crate::failure::Failure;

/// Whether a command that changes something asks before.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Yes {
    /// Do not ask for confirmation; without a terminal nothing is asked anyway
    #[arg(long, short = 'y')]
    yes: bool,
}

impl Yes {
    /// Asks `question` on a terminal.
    ///
    /// # Errors
    /// The answer is no, or Ctrl-C.
    pub(crate) fn or_ask(self, question: &str) -> Result<(), Failure> {
        if self.yes || !somebody_is_there() {
            return Ok(());
        }
        let theme = ColorfulTheme::default();
        let asked = Confirm::with_theme(&theme)
            .with_prompt(question)
            .default(false)
            .interact_on_opt(&Term::stderr());
        match answered(asked)? {
            Some(true) => Ok(()),
            Some(false) | None => Err(Failure::declined()),
        }
    }
}

/// Has one of `items` chosen, by its index.
///
/// # Errors
/// None was, or Ctrl-C.
pub(crate) fn choose(question: &str, items: &[String]) -> Result<usize, Failure> {
    let theme = ColorfulTheme::default();
    let terminal = Term::stderr();
    // A line that wraps would be drawn again and again.
    let room = usize::from(terminal.size().1).saturating_sub(4);
    let cut = |item: &String| truncate_str(item, room, "…").into_owned();
    let items: Vec<String> = items.iter().map(cut).collect();
    let asked = Select::with_theme(&theme)
        .with_prompt(question)
        .items(&items)
        .default(0)
        .report(false)
        .interact_on_opt(&terminal);
    answered(asked)?.ok_or_else(Failure::declined)
}

fn answered<T>(asked: dialoguer::Result<T>) -> Result<T, Failure> {
    let error = match asked {
        Ok(answer) => return Ok(answer),
        Err(dialoguer::Error::IO(error)) => error,
    };
    // A question that is broken off leaves the cursor hidden.
    Term::stderr().show_cursor().ok();
    Err(if error.kind() == ErrorKind::Interrupted {
        Failure::interrupted()
    } else {
        unanswered(&error)
    })
}

fn unanswered(error: &io::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        "unanswered",
        format!("no answer to the question: {error}"),
    )
    .hint("use --yes to skip the question")
}

/// Whether a person is at the terminal, to answer questions and see progress.
pub(crate) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
