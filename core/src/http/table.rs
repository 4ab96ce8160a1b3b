use std::time::Duration;

use serde_json::Value;

use super::{Reply, VendorFault};
use crate::ErrorKind;

/// How a vendor words its errors in JSON: where the code and the words are, and what the codes mean.
///
/// ```
/// # use agent_pool_core::{conformance::FakeAnswer, doctest};
/// use agent_pool_core::prelude::*;
///
/// /// `{"error": {"code": "in_flight", "message": "another call is under way"}}`
/// const FAULTS: FaultTable = FaultTable {
///     code: "/error/code",
///     words: &["/error/message"],
///     kinds: &[(ErrorKind::Conflict, "in_flight name_taken")],
///     passing: "in_flight",
/// };
/// # let body = json!({ "error": { "code": "in_flight", "message": "another call is under way" } });
/// # let answer = move |_: &_| Some(FakeAnswer::json(400, &body));
/// # doctest::vendor(answer).with(|vendor| vendor.fault_table(&FAULTS)).run(async |api| {
///
/// let error = api.post(["keys"]).done().await.unwrap_err();
/// assert!(error.to_string().ends_with("answered 400: another call is under way"), "{error}");
/// assert_eq!(error.kind(), ErrorKind::Conflict);
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(2)), "and so it is tried again");
/// # Ok(()) });
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FaultTable {
    /// Where the code is, as a JSON pointer; empty where the status says it all.
    pub code: &'static str,
    /// Where the words are, as JSON pointers. A list is told item by item, an object member by member.
    pub words: &'static [&'static str],
    /// What codes mean, where the status does not say it; several are separated by spaces.
    pub kinds: &'static [(ErrorKind, &'static str)],
    /// The codes of what passes by itself within seconds, such as an operation in flight.
    pub passing: &'static str,
}

/// When to come back to what passes by itself.
const SOON: Duration = Duration::from_secs(2);

impl FaultTable {
    /// The table of a vendor whose status says it all; only its words are read, where `words` says.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// const FAULTS: FaultTable = FaultTable::words(&["/errors"]);
    /// # let body = json!({ "errors": { "name": ["is too long"] } });
    /// # let answer = move |_: &_| Some(FakeAnswer::json(422, &body));
    /// # doctest::vendor(answer).with(|vendor| vendor.fault_table(&FAULTS)).run(async |api| {
    /// // 422 {"errors": {"name": ["is too long"]}}
    /// let error = api.post(["keys"]).done().await.unwrap_err().to_string();
    /// assert!(error.ends_with("answered 422: name: is too long"), "{error}");
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub const fn words(words: &'static [&'static str]) -> Self {
        Self {
            code: "",
            words,
            kinds: &[],
            passing: "",
        }
    }

    pub(super) fn read(&self, reply: &Reply) -> Option<VendorFault> {
        let body: Value = reply.json().ok()?;
        let code = self.code(&body);
        let among = |codes: &str| codes.split(' ').any(|one| Some(one) == code);
        let kind = self.kinds.iter().find(|(_, codes)| among(codes));
        let words = self.words.iter().filter_map(|place| body.pointer(place));
        Some(VendorFault {
            kind: kind.map(|(kind, _)| *kind),
            message: joined(words.map(told), "; "),
            retry_after: among(self.passing).then_some(SOON),
        })
    }

    /// The code of a reply's body.
    fn code<'a>(&self, body: &'a Value) -> Option<&'a str> {
        let place = Some(self.code).filter(|place| !place.is_empty())?;
        body.pointer(place)?.as_str()
    }

    /// Whether the reply bears this code.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # const FAULTS: FaultTable = FaultTable { code: "/code", ..FaultTable::words(&[]) };
    /// # doctest::vendor(|_| Some(FakeAnswer::json(409, &json!({ "code": "name_taken" })))).run(async |api| {
    /// let reply = api.post(["keys"]).json(&json!({ "name": "x" })).send().await?;
    /// let is_there_already = FAULTS.is(&reply, "name_taken");
    /// assert!(is_there_already);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn is(&self, reply: &Reply, code: &str) -> bool {
        let body = reply.json::<Value>();
        body.is_ok_and(|body| self.code(&body) == Some(code))
    }
}

/// A list item by item, an object as its members with their names.
fn told(words: &Value) -> String {
    match words {
        Value::Array(items) => joined(items.iter().map(|item| within(item, ": ")), "; "),
        Value::Object(members) => {
            let members = members.iter();
            let told = members.map(|(name, value)| (name, within(value, ": ")));
            let told = told.filter(|(_, text)| !text.is_empty());
            joined(told.map(|(name, text)| format!("{name}: {text}")), "; ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => within(words, ""),
    }
}

/// The texts and numbers in a value: those of an object one after the other, those of a list as a path.
fn within(value: &Value, between: &str) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => joined(items.iter().map(|item| within(item, between)), "."),
        Value::Object(members) => joined(
            members.values().map(|value| within(value, between)),
            between,
        ),
        Value::Null | Value::Bool(_) => String::new(),
    }
}

fn joined(texts: impl Iterator<Item = String>, between: &str) -> String {
    let texts = texts.filter(|text| !text.is_empty());
    texts.collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: FaultTable = FaultTable {
        code: "/errors/0/code",
        words: &["/message", "/errors", "/fields"],
        kinds: &[(ErrorKind::Conflict, "taken busy")],
        passing: "busy",
    };

    fn read(body: &str) -> Option<VendorFault> {
        TABLE.read(&Reply::sample(403, &[], body))
    }

    #[test]
    fn a_code_has_its_kind_and_what_passes_its_wait() {
        let of = |code| read(&format!(r#"{{"errors": [{{"code": "{code}"}}]}}"#)).unwrap();
        assert_eq!(of("taken").kind, Some(ErrorKind::Conflict));
        assert_eq!(of("taken").retry_after, None);
        assert_eq!(of("busy").retry_after, Some(SOON));
        assert_eq!(of("other").kind, None);
    }

    #[test]
    fn the_words_are_told_wherever_they_are() {
        let fault = read(
            r#"{"message": "no", "errors": [{"code": "x", "path": ["to", 0], "ok": true}, {"title": "y"}],
                "fields": {"name": "too odd", "none": null}, "elsewhere": "sk-1"}"#,
        );
        assert_eq!(fault.unwrap().message, "no; x: to.0; y; name: too odd");
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        assert_eq!(read("<html>"), None);
        assert_eq!(read("{}").unwrap(), VendorFault::default());
    }

    #[test]
    fn a_reply_can_be_asked_for_its_code() {
        let reply = Reply::sample(409, &[], r#"{"errors": [{"code": "busy"}]}"#);
        assert!(TABLE.is(&reply, "busy") && !TABLE.is(&reply, "taken"));
    }
}
