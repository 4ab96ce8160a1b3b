//! Progress of slow operations: on standard error, and only on a terminal.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::sleep;

/// Faster operations show no spinner.
const MOMENT: Duration = Duration::from_millis(400);
const FRAME: Duration = Duration::from_millis(80);
const FRAMES: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏✓";

/// Waits for `work`, with a spinner that says `text` once it takes longer than a moment.
pub(crate) async fn during<T>(text: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = sleep(MOMENT) => {}
    }
    let bar = spinner(text);
    let done = work.await;
    bar.finish_and_clear();
    done
}

/// A spinner that runs until it is finished.
pub(crate) fn spinner(text: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}") {
        bar.set_style(style.tick_chars(FRAMES));
    }
    bar.set_message(text.to_owned());
    bar.enable_steady_tick(FRAME);
    bar
}

/// A bar of `total` steps.
pub(crate) fn progress_bar(text: &str, total: usize) -> ProgressBar {
    let total = u64::try_from(total).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template = "{spinner:.cyan} {msg} [{bar:24.cyan/dim}] {pos}/{len} {elapsed:.dim}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.tick_chars(FRAMES).progress_chars("━━─"));
    }
    bar.set_message(text.to_owned());
    bar.enable_steady_tick(FRAME);
    bar
}
