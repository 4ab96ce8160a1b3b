use std::time::Duration;

use serde_json::Value;

use super::{Reply, VendorFault};
use crate::ErrorKind;

/// How a vendor describes its errors in JSON: where code and message are, and what the codes mean.
///
/// ```
/// use agent_pool_core::prelude::*;
///
/// /// `{"error": {"code": "in_flight", "message": "another call is in progress"}}`
/// const FAULTS: FaultTable = FaultTable {
///     code: "/error/code",
///     messages: &["/error/message"],
///     kinds: &[(ErrorKind::Conflict, "in_flight name_taken")],
///     passing_codes: "in_flight",
///     ..FaultTable::BY_STATUS
/// };
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FaultTable {
    /// Where the code is, as a JSON pointer; empty if the status says everything.
    pub code: &'static str,
    /// The messages, as JSON pointers. Every item of a list and every member of an object is read.
    pub messages: &'static [&'static str],
    /// The kinds of codes whose kind does not follow from the status; several codes are separated by spaces.
    pub kinds: &'static [(ErrorKind, &'static str)],
    /// The kinds of a status without a code, where they differ from the usual ones. Empty for most vendors.
    pub kinds_without_code: &'static [(u16, ErrorKind)],
    /// The codes of conditions that pass within seconds, such as an operation in progress. The retry layer tries again.
    pub passing_codes: &'static str,
    /// The statuses of such conditions, for a vendor that has no code for them, such as 423 for a locked resource.
    pub passing_status: &'static [u16],
}

/// When to try again after a condition that passes within seconds.
const SOON: Duration = Duration::from_secs(2);

impl FaultTable {
    /// For a vendor whose status says everything; the base of other tables.
    pub const BY_STATUS: Self = Self {
        code: "",
        messages: &[],
        kinds: &[],
        kinds_without_code: &[],
        passing_codes: "",
        passing_status: &[],
    };

    /// For a vendor whose status says everything, and whose messages are at these JSON pointers.
    #[must_use]
    pub const fn messages(messages: &'static [&'static str]) -> Self {
        Self {
            messages,
            ..Self::BY_STATUS
        }
    }

    pub(super) fn read(&self, reply: &Reply) -> Option<VendorFault> {
        let body = reply.json::<Value>().ok();
        let code = body.as_ref().and_then(|body| self.code_in(body));
        let is_among = |codes: &str| codes.split(' ').any(|one| Some(one) == code);
        let passes = is_among(self.passing_codes) || self.passing_status.contains(&reply.status());
        let by_code = self.kinds.iter().find(|(_, codes)| is_among(codes));
        let by_status = || {
            let mut kinds = self.kinds_without_code.iter();
            let found = kinds.find(|(status, _)| *status == reply.status());
            found.filter(|_| body.is_some() && code.is_none())
        };
        let messages = self.messages.iter();
        let messages = messages.filter_map(|place| body.as_ref()?.pointer(place));
        let fault = VendorFault {
            kind: by_code
                .map(|(kind, _)| *kind)
                .or_else(|| by_status().map(|(_, kind)| *kind)),
            message: join(messages.map(describe), "; "),
            retry_after: passes.then_some(SOON),
        };
        (body.is_some() || passes).then_some(fault)
    }

    fn code_in<'a>(&self, body: &'a Value) -> Option<&'a str> {
        let place = Some(self.code).filter(|place| !place.is_empty())?;
        body.pointer(place)?.as_str()
    }

    /// Whether the reply has this code.
    #[must_use]
    pub fn has_code(&self, reply: &Reply, code: &str) -> bool {
        let body = reply.json::<Value>();
        body.is_ok_and(|body| self.code_in(&body) == Some(code))
    }
}

/// Describes a list item by item, and an object as its members with their names.
fn describe(value: &Value) -> String {
    match value {
        Value::Array(items) => join(items.iter().map(|item| texts_in(item, ": ")), "; "),
        Value::Object(members) => {
            let members = members.iter();
            let texts = members.map(|(name, value)| (name, texts_in(value, ": ")));
            let texts = texts.filter(|(_, text)| !text.is_empty());
            join(texts.map(|(name, text)| format!("{name}: {text}")), "; ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => texts_in(value, ""),
    }
}

/// The texts and numbers in a value: those of an object one after the other, those of a list as a path.
fn texts_in(value: &Value, between: &str) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => join(items.iter().map(|item| texts_in(item, between)), "."),
        Value::Object(members) => join(
            members.values().map(|value| texts_in(value, between)),
            between,
        ),
        Value::Null | Value::Bool(_) => String::new(),
    }
}

fn join(texts: impl Iterator<Item = String>, between: &str) -> String {
    let texts = texts.filter(|text| !text.is_empty());
    texts.collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: FaultTable = FaultTable {
        code: "/errors/0/code",
        messages: &["/message", "/errors", "/fields"],
        kinds: &[(ErrorKind::Conflict, "taken busy")],
        kinds_without_code: &[(403, ErrorKind::Unauthorized)],
        passing_codes: "busy",
        passing_status: &[423],
    };

    fn read(body: &str) -> Option<VendorFault> {
        TABLE.read(&Reply::sample(403, &[], body))
    }

    #[test]
    fn a_code_has_its_kind_and_a_passing_one_its_wait() {
        let fault = |code| read(&format!(r#"{{"errors": [{{"code": "{code}"}}]}}"#)).unwrap();
        assert_eq!(fault("taken").kind, Some(ErrorKind::Conflict));
        assert_eq!(fault("taken").retry_after, None);
        assert_eq!(fault("busy").retry_after, Some(SOON));
        assert_eq!(fault("other").kind, None);
        assert_eq!(
            read(r#"{"message": "Forbidden"}"#).unwrap().kind,
            Some(ErrorKind::Unauthorized)
        );
        assert_eq!(
            read("<html>Forbidden</html>"),
            None,
            "a proxy's page says nothing of the key"
        );
    }

    #[test]
    fn messages_are_read_wherever_they_are() {
        let fault = read(
            r#"{"message": "no", "errors": [{"code": "x", "path": ["to", 0], "ok": true}, {"title": "y"}],
                "fields": {"name": "too odd", "none": null}, "elsewhere": "sk-1"}"#,
        );
        assert_eq!(fault.unwrap().message, "no; x: to.0; y; name: too odd");
    }

    #[test]
    fn a_body_that_is_not_json_is_not_read() {
        assert_eq!(read("<html>"), None);
    }

    #[test]
    fn a_passing_status_has_a_wait_whatever_its_body_is() {
        for body in ["", "<html>", r#"{"message": "locked"}"#] {
            let fault = TABLE.read(&Reply::sample(423, &[], body)).unwrap();
            assert_eq!(fault.retry_after, Some(SOON), "{body}");
        }
        assert_eq!(read("{}").unwrap().retry_after, None);
    }

    #[test]
    fn a_reply_is_recognised_by_its_code() {
        let reply = Reply::sample(409, &[], r#"{"errors": [{"code": "busy"}]}"#);
        assert!(TABLE.has_code(&reply, "busy") && !TABLE.has_code(&reply, "taken"));
    }
}
