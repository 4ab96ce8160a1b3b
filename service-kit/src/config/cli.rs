//! The command line of a service. Settings are environment variables, so there are few flags.

use std::fmt::Write;

use agent_pool_core::settings::SettingSpec;

/// The requested command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Serve.
    Run,
    /// Print [`help`].
    Help,
    /// Print the version.
    Version,
    /// Ask the running service whether it is ready, for the health check of a container.
    Health,
    /// Run one task on the database, and exit.
    Task(Task),
}

/// A one-off task on the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Seal all stored values with the newest encryption key now.
    Rekey,
    /// Take over the rows of the Node.js original.
    Adopt(Adoption),
}

/// Whether an adoption is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    /// Only report what it would do.
    Preview,
    /// Apply it.
    Apply,
}

/// An unknown argument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument {0:?}: try --help; settings are environment variables")]
pub struct UnknownArgument(String);

const COMMANDS: &str = "\
Commands:
  (none)           serve
  rekey            seal everything in the database with the first encryption key, and report the counts
  adopt            show what adopting the database of the Node.js original would do
  adopt --apply    adopt it: docs/moving-in.md
";

/// Reads the arguments, without the program's name.
///
/// # Errors
/// The first argument that is unknown.
pub fn cli(args: impl IntoIterator<Item = String>) -> Result<Command, UnknownArgument> {
    let args: Vec<String> = args.into_iter().collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => Ok(Command::Run),
        ["--help" | "-h", ..] => Ok(Command::Help),
        ["--version" | "-V", ..] => Ok(Command::Version),
        ["--health"] => Ok(Command::Health),
        ["rekey"] => Ok(Command::Task(Task::Rekey)),
        ["adopt"] => Ok(Command::Task(Task::Adopt(Adoption::Preview))),
        ["adopt", "--apply"] => Ok(Command::Task(Task::Adopt(Adoption::Apply))),
        ["adopt", "--apply", other, ..]
        | ["--health" | "rekey" | "adopt", other, ..]
        | [other, ..] => Err(UnknownArgument(other.to_owned())),
    }
}

/// The text of `--help`: the purpose of `binary`, and its variables.
#[must_use]
pub fn help(binary: &str, about: &str, settings: &[SettingSpec]) -> String {
    let mut text = format!(
        "{about}\n\nUsage: {binary} [COMMAND | --help | --version | --health]\n\n{COMMANDS}\n\
         Settings are environment variables, read once at start; a file .env is read too.\n"
    );
    for setting in settings {
        let presence = match &setting.default {
            _ if setting.required => "required".to_owned(),
            Some(default) if !default.is_empty() => format!("default {default}"),
            Some(_) | None => "optional".to_owned(),
        };
        let secret = if setting.secret { ", secret" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n  {} ({presence}{secret})\n      {}\n",
            setting.variable, setting.description
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Command, UnknownArgument> {
        cli(args.iter().map(ToString::to_string))
    }

    #[test]
    fn only_these_arguments_are_known() {
        assert_eq!(parse(&[]), Ok(Command::Run));
        assert_eq!(parse(&["--help"]), Ok(Command::Help));
        assert_eq!(parse(&["-V"]), Ok(Command::Version));
        assert_eq!(parse(&["--health"]), Ok(Command::Health));
        assert_eq!(parse(&["rekey"]), Ok(Command::Task(Task::Rekey)));
        assert!(parse(&["rekey", "now"]).is_err());
        let adopt = |adoption| Ok(Command::Task(Task::Adopt(adoption)));
        assert_eq!(parse(&["adopt"]), adopt(Adoption::Preview));
        assert_eq!(parse(&["adopt", "--apply"]), adopt(Adoption::Apply));
        assert!(parse(&["adopt", "--aply"]).is_err());
        assert!(parse(&["adopt", "--apply", "twice"]).is_err());
        let error = parse(&["--port=1"]).unwrap_err();
        assert!(error.to_string().contains("\"--port=1\""), "{error}");
    }

    #[test]
    fn help_lists_every_variable_with_its_default() {
        let defaults = crate::config::HttpDefaults {
            port: 3001,
            prefix: "POOL_SVC_",
        };
        let settings = crate::config::HttpSettings::describe(defaults);
        let text = help("pool-svc", "Keeps instances warm.", &settings);
        assert!(text.starts_with("Keeps instances warm.\n\nUsage: pool-svc "));
        assert!(text.contains("\n  PORT (default 3001)\n      The port to listen on."));
        assert!(text.contains("\n  METRICS_PORT (optional)\n"));
        assert!(text.contains("\n  POOL_API_KEY (required, secret)\n"));
    }
}
