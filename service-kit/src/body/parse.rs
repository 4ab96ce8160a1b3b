//! Parses text as a typed value, or names the wrong field.

use std::fmt::Display;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use serde_path_to_error::Path;
use url::form_urlencoded;

/// Accepts only an object: for a struct, serde would also accept an array, in the order of its fields.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        serde_json::from_slice::<Value>(body).map_err(|error| malformed(&error))?;
        return Err(Problem::new(
            ProblemCode::InvalidField,
            "the body must be a JSON object",
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        match error.inner().classify() {
            Category::Data => invalid(error.path(), error.inner()),
            Category::Syntax | Category::Eof | Category::Io => malformed(error.inner()),
        }
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

pub(super) fn query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    form(query.as_bytes())
}

/// A query and the body of an HTML form have the same syntax.
pub(super) fn form<T: DeserializeOwned>(form: &[u8]) -> Result<T, Problem> {
    let pairs = form_urlencoded::parse(form);
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
        .map_err(|error| invalid(error.path(), error.inner()))
}

fn malformed(error: &serde_json::Error) -> Problem {
    let detail = format!("the body is not JSON: {error}");
    Problem::new(ProblemCode::MalformedJson, detail)
}

fn invalid(path: &Path, error: &impl Display) -> Problem {
    let message = error.to_string();
    let message = without_position(&message);
    let field = field(path, message);
    if field.is_empty() {
        return Problem::new(ProblemCode::InvalidField, message);
    }
    Problem::new(ProblemCode::InvalidField, format!("{field}: {message}")).with_field(field)
}

/// `serde_json` appends line and column, which are less useful than the path.
fn without_position(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |end| &message[..end])
}

/// The path of the wrong field. For a missing field, the path of serde ends at its parent, so the field is appended.
fn field(path: &Path, message: &str) -> String {
    let parent = path.to_string();
    let parent = if parent == "." { "" } else { &parent };
    match message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
    {
        Some(missing) if parent.is_empty() => missing.to_owned(),
        Some(missing) => format!("{parent}.{missing}"),
        None => parent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::InstanceId;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only its form matters")]
    struct Sample {
        instance_id: InstanceId,
        #[serde(default)]
        tools: Vec<String>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its form matters")]
    struct Inner {
        count: u8,
    }

    fn refused(body: &str) -> (String, Option<String>, String) {
        let problem = json::<Sample>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.status, 400);
        let code = problem.code.as_str().to_owned();
        (code, problem.field, problem.detail)
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        let good = r#"{"instanceId":"abcdefghijkl"}"#;
        assert!(json::<Sample>(good.as_bytes()).is_ok());
        for bad in [
            "",
            "{",
            "nonsense",
            "{\"instanceId\":\"abcdefghijkl\"} x",
            "\u{7}",
            "[",
            "[] x",
        ] {
            let (code, field, _) = refused(bad);
            assert_eq!((code.as_str(), field), ("malformed_json", None), "{bad:?}");
        }
        assert_eq!(
            json::<Sample>(b"\"\xff\"").unwrap_err().code,
            ProblemCode::MalformedJson
        );
    }

    #[test]
    fn a_wrong_value_names_its_path() {
        for (body, path, detail) in [
            (
                r#"{"instanceId":"abcdefghijkl","tools":[1]}"#,
                "tools[0]",
                "tools[0]: invalid type: integer `1`, expected a string",
            ),
            (
                r#"{"instanceId":"abcdefghijkl","inner":{"count":300}}"#,
                "inner.count",
                "inner.count: invalid value: integer `300`, expected u8",
            ),
            (
                r#"{"instanceId":"no"}"#,
                "instanceId",
                "instanceId: \"no\" is not an instance id: expected 12 characters of A-Z a-z 0-9 _ -",
            ),
        ] {
            let (code, field, said) = refused(body);
            assert_eq!(
                (code.as_str(), field.as_deref()),
                ("invalid_field", Some(path))
            );
            assert_eq!(said, detail);
        }
    }

    #[test]
    fn a_missing_field_is_named_itself() {
        assert_eq!(refused("{}").1.as_deref(), Some("instanceId"));
        let (_, field, detail) = refused(r#"{"instanceId":"abcdefghijkl","inner":{}}"#);
        assert_eq!(field.as_deref(), Some("inner.count"));
        assert_eq!(detail, "inner.count: missing field `count`");
    }

    #[test]
    fn a_body_that_is_no_object_is_refused_as_that() {
        for body in [r#"["abcdefghijkl"]"#, " []", "\"text\"", "7", "null"] {
            let (code, field, detail) = refused(body);
            assert_eq!((code.as_str(), field), ("invalid_field", None), "{body}");
            assert_eq!(detail, "the body must be a JSON object");
        }
    }

    #[derive(Debug, Deserialize)]
    struct Wait {
        wait: Option<u16>,
        #[serde(default)]
        name: String,
    }

    #[test]
    fn a_query_is_typed_and_names_its_parameter() {
        let read = query::<Wait>("wait=5&name=a%20b+c&other=1").unwrap();
        assert_eq!((read.wait, read.name.as_str()), (Some(5), "a b c"));
        assert_eq!(query::<Wait>("").unwrap().wait, None);
        let problem = query::<Wait>("wait=soon").unwrap_err();
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (400, "invalid_field")
        );
        assert_eq!(problem.field.as_deref(), Some("wait"));
    }
    proptest::proptest! {
        #[test]
        fn any_body_form_or_query_is_read_or_refused_with_400(
            text in "(?s)(.{0,60}|\\{.{0,60}\\}|[a-zA-Z]{0,12}=.{0,30}(&.{0,20})?)"
        ) {
            for outcome in [json::<Sample>(text.as_bytes()), form(text.as_bytes()), query(&text)] {
                if let Err(problem) = outcome {
                    proptest::prop_assert_eq!(problem.status, 400);
                }
            }
        }
    }
}
