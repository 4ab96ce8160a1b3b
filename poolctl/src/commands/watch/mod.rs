//! `poolctl watch`.

mod draw;
mod follow;
mod screen;
mod view;

use std::io::IsTerminal as _;
use std::time::Duration;

use agent_pool_core::wire::pool::PoolStatus;
use clap::Args;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, print_line};

/// Watch the fleet live
///
/// Press q or Ctrl-C to leave. Without a terminal, or with --json, it prints one line of JSON per change.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Poll interval
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "expected a number of seconds".to_owned())?;
    if (0.1..=3600.0).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err("expected 0.1 to 3600 seconds".to_owned())
}

impl Watch {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        if out.is_json() {
            return self.lines(target).await;
        }
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(Failure::usage("this command needs a terminal")
                .hint("--json prints one line for each change"));
        }
        screen::show(target, self.interval).await
    }

    /// Prints each change as one line. A failure of the first request ends it; later requests are retried.
    async fn lines(self, target: &Target) -> Result<Exit, Failure> {
        let mut looks = follow::follow(&target.pool, self.interval);
        let mut shown: Option<PoolStatus> = None;
        while let Some(look) = looks.recv().await {
            match look {
                Ok(fleet) if shown.as_ref() != Some(&fleet) => {
                    let line = serde_json::to_string(&fleet);
                    let line = line.map_err(|error| {
                        Failure::new(Exit::Failed, "no_json", error.to_string())
                    })?;
                    if !print_line(&line)? {
                        return Ok(Exit::Done);
                    }
                    shown = Some(fleet);
                }
                Err(error) if shown.is_none() => {
                    return Err(Failure::of_call("watch the pool", &error));
                }
                Ok(_) | Err(_) => {}
            }
        }
        Ok(Exit::Done)
    }
}
