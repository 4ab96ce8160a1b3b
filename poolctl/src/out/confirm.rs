//! Questions, if there is a terminal.

use std::io::{self, ErrorKind, IsTerminal as _};

use clap::Args;
use console::{Term, truncate_str};
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, Select};

use crate::exit::Exit;
use crate::failure::Failure;

/// Whether a command that changes something asks first.
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
        if self.yes || !is_interactive() {
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

/// Lets the user choose one of `items`. Returns its index.
///
/// # Errors
/// None was chosen, or Ctrl-C.
pub(crate) fn choose(question: &str, items: &[String]) -> Result<usize, Failure> {
    let theme = ColorfulTheme::default();
    let terminal = Term::stderr();
    // Items are shortened, because a wrapped line would be redrawn incorrectly.
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
    // An interrupted question leaves the cursor hidden.
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

/// Whether there is a terminal, for questions and progress.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
