//! The meaning of Railway's refusals.
//!
//! Nearly all of them have the HTTP status 200 and the code `INTERNAL_SERVER_ERROR`, so that only the message
//! distinguishes a missing resource, a throttle and a refusal. [`RULES`] is the only place that reads messages; there
//! is a test for each row. Sources: the contracts' notes, November 2026.

use std::time::Duration;

use agent_pool_core::http::{Reply, VendorFault};
use agent_pool_core::{ErrorKind, ProviderError};
use serde::Deserialize;

/// A failed operation, and what it says about the requested resource.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ProviderError,
    pub(crate) absence: Absence,
    /// Whether Railway's edge gave up waiting for the answer.
    pub(crate) timed_out: bool,
}

/// Whether a refusal says that the requested resource does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It says so.
    Stated,
    /// Railway says the same about a resource that is gone and one that we may not access.
    Possible,
    /// It is about something else.
    No,
}

/// For an error that is not an answer of Railway, or whose meaning for the resource does not matter.
impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self {
            error,
            absence: Absence::No,
            timed_out: false,
        }
    }
}

impl From<Failure> for ProviderError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// The errors of a GraphQL answer.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Refusals {
    errors: Option<Vec<Refusal>>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    extensions: Option<Extensions>,
}

#[derive(Debug, Default, Deserialize)]
struct Extensions {
    code: Option<String>,
}

impl Refusals {
    /// Whether nothing was refused. A partial answer counts as a refusal, because no part of our requests may fail.
    pub(crate) fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// What the refusals say about the requested resource.
    pub(crate) fn absence(&self) -> Absence {
        let rule = self.first().and_then(Refusal::rule);
        rule.map_or(Absence::No, |rule| rule.absence)
    }

    fn first(&self) -> Option<&Refusal> {
        self.errors.as_ref()?.first()
    }
}

impl Refusal {
    fn rule(&self) -> Option<&'static Rule> {
        let message = self.message.to_lowercase();
        let code = self
            .extensions
            .as_ref()
            .and_then(|more| more.code.as_deref());
        RULES.iter().find(|rule| match rule.sign {
            Sign::Code(wanted) => code == Some(wanted),
            Sign::Begins(words) => message.starts_with(words),
            Sign::Says(words) => message.contains(words),
        })
    }

    /// The message without the values that it may quote: they may be an instance's secrets.
    fn words(&self) -> &str {
        let quoting = " got invalid value";
        self.message.split(quoting).next().unwrap_or_default()
    }
}

/// Reads the errors of a reply, for [`agent_pool_core::http::VendorHttp::faults`].
pub(crate) fn fault(reply: &Reply) -> Option<VendorFault> {
    let refusals: Refusals = reply.json().unwrap_or_default();
    let rule = refusals.first().and_then(Refusal::rule);
    Some(VendorFault {
        kind: rule.map(|rule| rule.kind).or_else(|| kind_of_403(reply)),
        message: refusals
            .first()
            .map_or_else(String::new, |refusal| refusal.words().to_owned()),
        retry_after: reply
            .retry_after()
            .or_else(|| rule?.seconds.map(Duration::from_secs)),
    })
}

/// A 403 in JSON is about the token. One in HTML comes from the edge.
fn kind_of_403(reply: &Reply) -> Option<ErrorKind> {
    let html = reply.text().trim_start().starts_with('<');
    (reply.status() == 403 && !html).then_some(ErrorKind::Unauthorized)
}

/// The error of an answer that does not match the schema.
pub(crate) fn malformed(problem: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Protocol, problem)
}

/// How a refusal is recognised. Words are compared in lower case.
#[derive(Debug, Clone, Copy)]
enum Sign {
    Code(&'static str),
    Begins(&'static str),
    Says(&'static str),
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
struct Rule {
    sign: Sign,
    kind: ErrorKind,
    absence: Absence,
    /// How long it lasts, in seconds, if Railway does not say.
    seconds: Option<u64>,
}

const fn rule(sign: Sign, kind: ErrorKind) -> Rule {
    Rule {
        sign,
        kind,
        absence: Absence::No,
        seconds: None,
    }
}

impl Rule {
    const fn lasting(mut self, seconds: u64) -> Self {
        self.seconds = Some(seconds);
        self
    }

    const fn meaning(mut self, absence: Absence) -> Self {
        self.absence = absence;
        self
    }
}

/// The meaning of each refusal. The first matching row applies, so special rows come before general ones.
const RULES: &[Rule] = &[
    // Quotas on creating, per workspace and in no header.
    rule(Sign::Says("every 30s"), ErrorKind::RateLimited).lasting(30),
    rule(
        Sign::Says("creating projects too quickly"),
        ErrorKind::RateLimited,
    )
    .lasting(30),
    rule(
        Sign::Says("creating environments too quickly"),
        ErrorKind::RateLimited,
    )
    .lasting(30),
    rule(Sign::Begins("whoa there pal"), ErrorKind::RateLimited).lasting(3),
    rule(Sign::Says("too quickly"), ErrorKind::RateLimited).lasting(3),
    rule(Sign::Says("try again in a"), ErrorKind::RateLimited).lasting(3),
    rule(Sign::Says("ratelimited"), ErrorKind::RateLimited).lasting(30),
    rule(Sign::Says("rate limit"), ErrorKind::RateLimited).lasting(30),
    // Codes that say more than the message, if there is one.
    rule(Sign::Code("GRAPHQL_PARSE_FAILED"), ErrorKind::Protocol),
    rule(Sign::Code("GRAPHQL_VALIDATION_FAILED"), ErrorKind::Protocol),
    rule(Sign::Code("BAD_USER_INPUT"), ErrorKind::Invalid),
    rule(Sign::Code("NOT_FOUND"), ErrorKind::NotFound).meaning(Absence::Stated),
    rule(Sign::Code("FORBIDDEN"), ErrorKind::Forbidden).meaning(Absence::Possible),
    rule(Sign::Code("UNAUTHENTICATED"), ErrorKind::Unauthorized),
    rule(Sign::Code("RATE_LIMITED"), ErrorKind::RateLimited),
    rule(Sign::Code("PLAN_LIMIT"), ErrorKind::Forbidden),
    // About the caller.
    rule(
        Sign::Says("project token not found"),
        ErrorKind::Unauthorized,
    ),
    rule(Sign::Says("not authorized"), ErrorKind::Unauthorized).meaning(Absence::Possible),
    rule(
        Sign::Says("two factor authentication required"),
        ErrorKind::Forbidden,
    ),
    rule(Sign::Says("resource provision limit"), ErrorKind::Forbidden),
    rule(Sign::Says("upgrade your plan"), ErrorKind::Forbidden),
    rule(Sign::Says("trial has expired"), ErrorKind::Forbidden),
    // Temporary obstacles.
    rule(Sign::Begins("cannot redeploy yet"), ErrorKind::Conflict).lasting(30),
    rule(Sign::Says("without a snapshot"), ErrorKind::Conflict),
    rule(Sign::Says("already in progress"), ErrorKind::Conflict).lasting(3),
    rule(Sign::Says("already exists"), ErrorKind::Conflict).lasting(5),
    // Two volumes at one path: no retry succeeds either.
    rule(
        Sign::Begins("failed to create deployment"),
        ErrorKind::Conflict,
    ),
    rule(
        Sign::Begins("failed to create service domain"),
        ErrorKind::Unavailable,
    )
    .lasting(3),
    rule(
        Sign::Says("problem processing request"),
        ErrorKind::Unavailable,
    )
    .lasting(3)
    .meaning(Absence::Possible),
    rule(Sign::Says("internal server error"), ErrorKind::Unavailable),
    rule(Sign::Says("timed out"), ErrorKind::Unavailable),
    // During incidents, Railway delays deployments of the smaller plans.
    rule(Sign::Says("temporarily"), ErrorKind::Unavailable).lasting(60),
    // About the requested resource.
    rule(Sign::Says("not found"), ErrorKind::NotFound).meaning(Absence::Stated),
    rule(Sign::Begins("could not find"), ErrorKind::NotFound).meaning(Absence::Stated),
    rule(Sign::Begins("invalid "), ErrorKind::Invalid),
    rule(Sign::Begins("expected "), ErrorKind::Invalid),
    rule(Sign::Begins("can't "), ErrorKind::Invalid),
    rule(Sign::Says("is not a valid domain"), ErrorKind::Invalid),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(message: &str, code: &str) -> Option<(ErrorKind, Absence, Option<u64>)> {
        let refusal = Refusal {
            message: message.to_owned(),
            extensions: Some(Extensions {
                code: Some(code.to_owned()),
            }),
        };
        let rule = refusal.rule()?;
        Some((rule.kind, rule.absence, rule.seconds))
    }

    /// A refusal of each row, in the vendor's words as they were seen.
    #[rustfmt::skip]
    const SEEN: &[(&str, ErrorKind, Absence, Option<u64>)] = &[
        ("Only one project can be created per user every 30s", ErrorKind::RateLimited, Absence::No, Some(30)),
        ("Only one environment can be created per user every 30s", ErrorKind::RateLimited, Absence::No, Some(30)),
        ("You are creating projects too quickly. This workspace allows 1 project per 30 seconds", ErrorKind::RateLimited, Absence::No, Some(30)),
        ("You are creating environments too quickly", ErrorKind::RateLimited, Absence::No, Some(30)),
        ("Whoa there pal! You are creating volumes at a pace", ErrorKind::RateLimited, Absence::No, Some(3)),
        ("You are creating volumes too quickly", ErrorKind::RateLimited, Absence::No, Some(3)),
        ("Please try again in a moment", ErrorKind::RateLimited, Absence::No, Some(3)),
        ("You are being ratelimited. Please try again later", ErrorKind::RateLimited, Absence::No, Some(30)),
        ("Rate limit exceeded", ErrorKind::RateLimited, Absence::No, Some(30)),
        ("Your trial has expired. Please select a plan to continue", ErrorKind::Forbidden, Absence::No, None),
        ("Operation timed out", ErrorKind::Unavailable, Absence::No, None),
        ("Deployments are temporarily paused", ErrorKind::Unavailable, Absence::No, Some(60)),
        ("Project Token not found", ErrorKind::Unauthorized, Absence::No, None),
        ("Not Authorized", ErrorKind::Unauthorized, Absence::Possible, None),
        ("Two Factor Authentication Required", ErrorKind::Forbidden, Absence::No, None),
        ("Resource provision limit exceeded", ErrorKind::Forbidden, Absence::No, None),
        ("Please upgrade your plan for more", ErrorKind::Forbidden, Absence::No, None),
        ("Cannot redeploy yet, please wait for the original deployment to finish building", ErrorKind::Conflict, Absence::No, Some(30)),
        ("Cannot redeploy without a snapshot", ErrorKind::Conflict, Absence::No, None),
        ("an operation is already in progress", ErrorKind::Conflict, Absence::No, Some(3)),
        ("Failed to create deployment", ErrorKind::Conflict, Absence::No, None),
        ("Volume: operation already in progress", ErrorKind::Conflict, Absence::No, Some(3)),
        ("A service named \"x\" already exists in this project", ErrorKind::Conflict, Absence::No, Some(5)),
        ("Failed to create service domain, please try again", ErrorKind::Unavailable, Absence::No, Some(3)),
        ("Problem processing request", ErrorKind::Unavailable, Absence::Possible, Some(3)),
        ("Internal server error", ErrorKind::Unavailable, Absence::No, None),
        ("ServiceInstance not found", ErrorKind::NotFound, Absence::Stated, None),
        ("Could not find that volume", ErrorKind::NotFound, Absence::Stated, None),
        ("Invalid project name", ErrorKind::Invalid, Absence::No, None),
        ("Expected an absolute path", ErrorKind::Invalid, Absence::No, None),
        ("Can't mount a volume twice", ErrorKind::Invalid, Absence::No, None),
        ("x..y is not a valid domain", ErrorKind::Invalid, Absence::No, None),
    ];

    #[test]
    fn every_message_that_was_seen_has_its_meaning_in_any_case() {
        for (message, kind, absence, seconds) in SEEN {
            for message in [(*message).to_owned(), message.to_uppercase()] {
                let found = meaning(&message, "INTERNAL_SERVER_ERROR");
                assert_eq!(found, Some((*kind, *absence, *seconds)), "{message}");
            }
        }
    }

    #[test]
    fn every_row_is_the_first_that_fits_some_refusal() {
        let reached = |rule: &Rule| match rule.sign {
            Sign::Code(code) => meaning("Something", code).is_some(),
            Sign::Begins(words) | Sign::Says(words) => SEEN.iter().any(|(message, ..)| {
                let first = Refusal {
                    message: (*message).to_owned(),
                    extensions: None,
                };
                matches!(first.rule().map(|rule| rule.sign),
                    Some(Sign::Begins(sign) | Sign::Says(sign)) if sign == words)
            }),
        };
        for rule in RULES {
            assert!(reached(rule), "no refusal is read by {rule:?}");
        }
    }

    #[test]
    fn a_code_is_honoured_where_it_comes() {
        for (code, kind, absence) in [
            ("GRAPHQL_PARSE_FAILED", ErrorKind::Protocol, Absence::No),
            (
                "GRAPHQL_VALIDATION_FAILED",
                ErrorKind::Protocol,
                Absence::No,
            ),
            ("BAD_USER_INPUT", ErrorKind::Invalid, Absence::No),
            ("NOT_FOUND", ErrorKind::NotFound, Absence::Stated),
            ("FORBIDDEN", ErrorKind::Forbidden, Absence::Possible),
            ("UNAUTHENTICATED", ErrorKind::Unauthorized, Absence::No),
            ("PLAN_LIMIT", ErrorKind::Forbidden, Absence::No),
        ] {
            assert_eq!(
                meaning("Something", code),
                Some((kind, absence, None)),
                "{code}"
            );
        }
        let limited = meaning("Something", "RATE_LIMITED");
        assert_eq!(
            limited,
            Some((ErrorKind::RateLimited, Absence::No, None)),
            "the layers pause all calls"
        );
    }

    #[test]
    fn words_that_only_look_like_a_row_have_no_meaning() {
        assert_eq!(
            meaning("An unexpected thing", "INTERNAL_SERVER_ERROR"),
            None
        );
        assert_eq!(meaning("It is an invalid thing", ""), None);
    }

    #[test]
    fn a_value_that_the_vendor_quotes_is_left_out() {
        let refusal = Refusal {
            message: "Variable \"$patch\" got invalid value \"sk-secret\"".to_owned(),
            extensions: None,
        };
        assert_eq!(refusal.words(), "Variable \"$patch\"");
    }
}
