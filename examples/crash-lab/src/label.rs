//! The label of a step in the table. It contains no ids, so that it is the same in every run.

/// The characters of a statement that are shown.
const STATEMENT: usize = 76;

/// The label of a statement: its beginning, on one line. `None` if it changes only its session, or begins a
/// transaction.
pub(crate) fn statement(sql: &str) -> Option<String> {
    let first = sql.split_whitespace().next().unwrap_or_default();
    if ["SET", "BEGIN"].contains(&first) {
        return None;
    }
    let words: Vec<&str> = sql.split_whitespace().collect();
    let line = words.join(" ").replace('"', "");
    let shown: String = line.chars().take(STATEMENT).collect();
    let more = if shown.len() < line.len() { "…" } else { "" };
    Some(format!("sql {shown}{more}"))
}

/// The label of a request to `whom`.
pub(crate) fn request(whom: &str, method: &str, path: &str, body: &[u8]) -> String {
    if let Some(operation) = graphql(body) {
        return format!("{whom} {operation}");
    }
    let segments: Vec<&str> = path.split('/').map(plain).collect();
    format!("{whom} {method} {}", segments.join("/"))
}

/// The first operation of a GraphQL request: its name, or else the first field.
fn graphql(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let lines = body.get("query")?.as_str()?.lines().map(str::trim);
    let query = lines.skip_while(|line| line.is_empty() || line.starts_with('#'));
    let query: Vec<&str> = query.collect();
    let query = query.join(" ");
    let (kind, rest) = query.split_once([' ', '('])?;
    let name: String = rest
        .trim_start()
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    Some(format!("{kind} {name}"))
}

/// The length of an instance's id.
const ID: usize = 12;

/// Ids have digits, an `@`, or the length of an instance's id. Words of an API have none of these, except a version.
fn plain(segment: &str) -> &str {
    let instance = segment.len() == ID && segment.bytes().all(|b| b.is_ascii_alphanumeric());
    let version = segment.starts_with('v') && segment.len() < 4;
    let id = segment.contains(|c: char| c.is_ascii_digit() || c == '@' || c == '%');
    if instance || id && !version {
        ":id"
    } else {
        segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_one_line_and_no_longer_than_its_row() {
        let short = statement("SELECT \"a\"\n   FROM b");
        assert_eq!(short.as_deref(), Some("sql SELECT a FROM b"));
        assert_eq!(statement("SET TIME ZONE 'UTC'"), None);
        let long = statement(&format!("SELECT {}", "x".repeat(99))).unwrap();
        assert!(long.ends_with("xx…") && long.chars().count() < 82, "{long}");
    }

    #[test]
    fn a_request_is_named_without_ids() {
        let of = |path| request("agentmail", "DELETE", path, b"");
        assert_eq!(
            of("/v0/inboxes/ap-lab-k3v9@x"),
            "agentmail DELETE /v0/inboxes/:id"
        );
        assert_eq!(of("/destroy/abcdefghijkl"), "agentmail DELETE /destroy/:id");
        let body = br##"{"query": "# It is made.\nmutation ServiceCreate($input: X!) { serviceCreate }"}"##;
        let label = request("railway", "POST", "/railway/graphql/v2", body);
        assert_eq!(label, "railway mutation ServiceCreate");
    }
}
