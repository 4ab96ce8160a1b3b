//! Pages: newest first, with an opaque token if there is another page.

use serde_json::{Value, json};

use super::error;
use crate::http::{Answer, BodyFault, Call};

/// One page of `items` (oldest first) under `name`.
pub(crate) fn page(
    name: &str,
    mut items: Vec<Value>,
    call: &Call,
    largest: usize,
) -> Result<Answer, Answer> {
    let bad = |name: &str, text: &str| error::body(&BodyFault::value(name, text));
    let limit = match call.param("limit") {
        None => largest,
        Some(text) => text
            .parse()
            .map_err(|_| bad("limit", "must be a whole number"))?,
    };
    let limit = usize::clamp(limit, 1, largest);
    if call.param("ascending") != Some("true") {
        items.reverse();
    }
    // The token names the last item of the previous page, so that deletions do not shift pages.
    let rest = match call.param("page_token") {
        None => 0,
        Some(token) => {
            // A token that the vendor did not issue is a 400 [D].
            let place = items.iter().position(|item| token_of(item) == token);
            place.ok_or_else(|| bad("page_token", "invalid page token"))? + 1
        }
    };
    let shown: Vec<Value> = items.iter().skip(rest).take(limit).cloned().collect();
    let mut body = json!({"count": shown.len(), "limit": limit});
    if rest + shown.len() < items.len()
        && let Some(last) = shown.last()
    {
        body["next_page_token"] = token_of(last).into();
    }
    body[name] = shown.into();
    Ok(Answer::ok(body))
}

fn token_of(item: &Value) -> String {
    let id = item["inbox_id"]
        .as_str()
        .or_else(|| item["api_key_id"].as_str());
    let bytes = id.unwrap_or_default().bytes();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
