//! `poolctl logs`, and what `poolctl show --logs` adds.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::services::Logs as Written;
use chrono::{DateTime, Utc};
use clap::Args;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, clock, dim, during};

/// The last lines that an instance wrote
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Which
    id: InstanceId,

    /// How many lines
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

/// The last lines of an instance, as its infra has them.
pub(super) async fn fetch(
    target: &Target,
    id: &InstanceId,
    lines: u16,
) -> Result<Written, Failure> {
    let written = during("asking Services", target.need_services()?.logs(id, lines)).await;
    written.map_err(|error| Failure::of_call(&format!("show the logs of {id}"), &error))
}

/// As text, each line with its time where the infra tells it.
pub(super) fn lines(written: &Written, now: DateTime<Utc>) -> String {
    if written.lines.is_empty() {
        return "It has written nothing.".to_owned();
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

/// What an instance writes is not for this terminal to obey.
pub(super) fn printable(text: &str) -> String {
    let plain = console::strip_ansi_codes(text);
    plain
        .chars()
        .filter(|it| !it.is_control() || *it == '\t')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_told_what_to_do_by_an_instance() {
        assert_eq!(printable("\u{1b}[31mred\u{1b}[0m\u{7}\tend\r"), "red\tend");
    }
}
