//! `poolctl logs`, and the logs of `poolctl show --logs`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::services::Logs as Written;
use chrono::{DateTime, Utc};
use clap::Args;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, clock, dim, during, plain};

/// Show the last log lines of an instance
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Instance id
    id: InstanceId,

    /// Number of lines
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    lines: u16,
}

impl Logs {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let written = fetch(target, &self.id, self.lines).await?;
        out.answer(&written, || lines(&written, Utc::now()))?;
        Ok(Exit::Done)
    }
}

/// The last log lines of an instance, from its infra.
pub(super) async fn fetch(
    target: &Target,
    id: &InstanceId,
    lines: u16,
) -> Result<Written, Failure> {
    let written = during("asking Services", target.need_services()?.logs(id, lines)).await;
    written.map_err(|error| Failure::of_call(&format!("show the logs of {id}"), &error))
}

/// The lines as text, with times if the infra knows them.
pub(super) fn lines(written: &Written, now: DateTime<Utc>) -> String {
    if written.lines.is_empty() {
        return "No output.".to_owned();
    }
    let line = |it: &agent_pool_core::LogLine| match it.at {
        Some(at) => format!("{} {}", dim(&clock(at, now)), printable(&it.text)),
        None => printable(&it.text),
    };
    written
        .lines
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A line without control characters, so that the output of an instance cannot affect the terminal.
pub(super) fn printable(text: &str) -> String {
    plain(console::strip_ansi_codes(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_an_instance_does_not_act_on_the_terminal() {
        assert_eq!(
            printable("\u{1b}[31mred\u{1b}[0m\u{7}end"),
            "red\u{fffd}end"
        );
    }
}
