//! The last lines that an instance wrote.

use agent_pool_core::{Context, LogLine, ProviderError};
use bollard::query_parameters::LogsOptionsBuilder;
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
    let mut parsed: Vec<LogLine> = text.lines().map(LogLine::with_timestamp).collect();
    // Some engines count the lines of each output separately.
    parsed.drain(..parsed.len().saturating_sub(lines));
    Ok(parsed)
}
