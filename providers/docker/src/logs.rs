//! The last lines that an instance wrote.

use agent_pool_core::{Context, LogLine, ProviderError};
use bollard::query_parameters::LogsOptionsBuilder;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;

use crate::engine::Engine;

/// The last `lines` lines of both outputs, oldest first.
pub(crate) async fn tail(
    engine: &Engine,
    cx: &Context,
    container: &str,
    lines: usize,
) -> Result<Vec<LogLine>, ProviderError> {
    let options = LogsOptionsBuilder::new()
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .tail(&lines.to_string())
        .build();
    let client = engine.client(cx).await?;
    let chunks = client.logs(container, Some(options));
    let chunks: Vec<_> = engine.call(cx, chunks.try_collect()).await?;
    let text: Vec<u8> = chunks
        .into_iter()
        .flat_map(|chunk| chunk.into_bytes())
        .collect();
    let text = String::from_utf8_lossy(&text);
    let mut parsed: Vec<LogLine> = text.lines().map(line).collect();
    // Some engines count the lines of each output apart.
    parsed.drain(..parsed.len().saturating_sub(lines));
    Ok(parsed)
}

/// A line as the engine writes it: its time, a space, the text.
fn line(line: &str) -> LogLine {
    let timed = line.split_once(' ').and_then(|(at, text)| {
        let at: DateTime<Utc> = at.parse().ok()?;
        Some((at, text))
    });
    match timed {
        Some((at, text)) => LogLine {
            at: Some(at),
            text: text.to_owned(),
        },
        None => LogLine {
            at: None,
            text: line.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_taken_off_the_line() {
        let parsed = line("2026-11-28T10:00:00.123456789Z ready on 8080");
        assert_eq!(parsed.text, "ready on 8080");
        assert!(parsed.at.is_some());
        let plain = line("no time here");
        assert_eq!((plain.text.as_str(), plain.at), ("no time here", None));
    }
}
