//! Progress while the pool warms: a spinner for each instance on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{PoolStatus, Status};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Shows the steps of the start and the state of each instance, each change once.
#[derive(Debug)]
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
    step: Option<ProgressBar>,
    instances: BTreeMap<InstanceId, (Status, Option<ProgressBar>)>,
}

impl Progress {
    /// Spinners if standard output is a terminal, else lines.
    pub(crate) fn new() -> Self {
        let bars = std::io::stdout().is_terminal().then(MultiProgress::new);
        let step = bars.as_ref().map(|bars| spinner(bars, ""));
        Self {
            bars,
            step,
            instances: BTreeMap::new(),
        }
    }

    /// Shows the next step.
    pub(crate) fn step(&self, text: &str) {
        match &self.step {
            Some(bar) => bar.set_message(text.to_owned()),
            None => print(text),
        }
    }

    /// Shows the changes of the fleet.
    pub(crate) fn show_fleet(&mut self, status: &PoolStatus) {
        for instance in &status.instances {
            let known = self.instances.get(&instance.id).map(|(status, _)| *status);
            if known == Some(instance.status) {
                continue;
            }
            let text = format!("instance {} {}", instance.id, instance.status.as_str());
            let bar = self.instances.remove(&instance.id).and_then(|(_, bar)| bar);
            let bar = bar.or_else(|| self.bars.as_ref().map(|bars| spinner(bars, "")));
            match &bar {
                Some(bar) if instance.status == Status::Starting => bar.set_message(text),
                Some(bar) => bar.finish_with_message(text),
                None => print(&text),
            }
            self.instances
                .insert(instance.id.clone(), (instance.status, bar));
        }
        if let Some(error) = &status.last_create_error {
            self.step(&format!("the last creation failed: {error}"));
        }
    }

    /// Stops the spinners, so that plain text can follow. Their last state stays visible.
    pub(crate) fn finish(&mut self) {
        for (_, bar) in std::mem::take(&mut self.instances).into_values() {
            bar.into_iter()
                .filter(|bar| !bar.is_finished())
                .for_each(|bar| bar.abandon());
        }
        if let Some(step) = self.step.take() {
            step.finish_and_clear();
        }
    }
}

fn spinner(bars: &MultiProgress, text: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}");
    let bar = bars.add(ProgressBar::new_spinner());
    if let Ok(style) = style {
        bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏✓"));
    }
    bar.set_message(text.to_owned());
    bar.enable_steady_tick(Duration::from_millis(80));
    bar
}

/// Prints one line. The stack keeps running if nobody reads standard output any more.
pub(crate) fn print(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}
