//! One rule: an effect, and when it applies. This is also the JSON of the admin API.

use serde::{Deserialize, Serialize};

use crate::Vendor;

/// A fault to inject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The vendor that misbehaves.
    pub vendor: Vendor,
    /// The vendor's ID of the operation (for Railway the root field); absent for all operations.
    #[serde(default)]
    pub operation: Option<String>,
    /// The effect.
    pub effect: Effect,
    /// Before or after the request took effect.
    #[serde(default)]
    pub phase: Phase,
    /// How often.
    #[serde(default)]
    pub times: Times,
    /// The probability each time, from the seeded random generator.
    #[serde(default = "certain")]
    pub probability: f64,
}

const fn certain() -> f64 {
    1.0
}

impl FaultRule {
    /// A rule that applies once, before the effect, at any operation of a vendor.
    #[must_use]
    pub const fn new(vendor: Vendor, effect: Effect) -> Self {
        Self {
            vendor,
            operation: None,
            effect,
            phase: Phase::Before,
            times: Times::Count(1),
            probability: certain(),
        }
    }

    /// Only at this operation.
    #[must_use]
    pub fn at(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// After the request took effect: the answer is lost or wrong, but the operation is done.
    #[must_use]
    pub const fn after_effect(mut self) -> Self {
        self.phase = Phase::After;
        self
    }

    /// This number of times.
    #[must_use]
    pub const fn times(mut self, times: Times) -> Self {
        self.times = times;
        self
    }

    /// With this probability each time.
    #[must_use]
    pub const fn with_probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }
}

/// Whether the request took effect before the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The request had no effect.
    #[default]
    Before,
    /// The request took effect; only the answer is affected.
    After,
}

/// How often a rule applies before it is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// A number of times.
    Count(u32),
    /// Until the faults are cleared.
    Always,
}

impl Default for Times {
    fn default() -> Self {
        Self::Count(1)
    }
}

/// The effect of a fault. The last five change the answer of a request that succeeds, so they always
/// apply after its effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// An error answer.
    Status {
        /// HTTP status; 200 with Railway is an answer with `errors[]`.
        status: u16,
        /// The body.
        #[serde(default)]
        body: Body,
        /// The vendor's code; absent for the usual one of this status.
        #[serde(default)]
        code: Option<String>,
        /// The vendor's message; absent for the usual one.
        #[serde(default)]
        message: Option<String>,
        /// Errors of single fields, if the vendor's error format has them.
        #[serde(default)]
        fields: Vec<FieldFault>,
        /// The header `Retry-After`.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
    },
    /// No answer until the client gives up.
    Hang,
    /// The connection is closed without an answer.
    Cut,
    /// Every member with this name is removed from the JSON.
    MissingField(String),
    /// Railway: members with this name are null, with an error at their path next to the data.
    NullField(String),
    /// Lists are empty.
    EmptyPage,
    /// Lists are extended with other programs' items to this length.
    HugePage(usize),
    /// Lists begin with this item, which the vendor may only have in a later version.
    ForeignItem(serde_json::Value),
}

impl Effect {
    /// An error answer with the vendor's own body.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Status {
            status,
            body: Body::Vendor,
            code: None,
            message: None,
            fields: Vec::new(),
            retry_after: None,
        }
    }

    /// 429 with this `Retry-After`.
    #[must_use]
    pub const fn rate_limited(retry_after: RetryAfter) -> Self {
        Self::Status {
            status: 429,
            body: Body::Vendor,
            code: None,
            message: None,
            fields: Vec::new(),
            retry_after: Some(retry_after),
        }
    }

    /// An error of the proxy in front of the vendor: a page of HTML.
    #[must_use]
    pub const fn html(status: u16) -> Self {
        Self::Status {
            status,
            body: Body::Html,
            code: None,
            message: None,
            fields: Vec::new(),
            retry_after: None,
        }
    }

    /// A refusal of Railway: 200 with `errors[]` and this message.
    #[must_use]
    pub fn graphql(message: impl Into<String>) -> Self {
        Self::Status {
            status: 200,
            body: Body::Vendor,
            code: None,
            message: Some(message.into()),
            fields: Vec::new(),
            retry_after: None,
        }
    }

    /// Whether it changes the answer of a request that succeeds.
    pub(crate) const fn mangles(&self) -> bool {
        match self {
            Self::MissingField(_)
            | Self::NullField(_)
            | Self::EmptyPage
            | Self::HugePage(_)
            | Self::ForeignItem(_) => true,
            Self::Status { .. } | Self::Hang | Self::Cut => false,
        }
    }
}

/// The body of an error answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// The vendor's own error shape.
    #[default]
    Vendor,
    /// A page of HTML, as from a proxy.
    Html,
    /// This text, with the content type of JSON.
    Raw(String),
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// The field's name.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

/// The two forms of the header `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Whole seconds.
    Seconds(u64),
    /// A date this number of seconds from now.
    DateInSeconds(u64),
}

impl RetryAfter {
    /// The value of the header.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::DateInSeconds(seconds) => {
                let at = std::time::SystemTime::now() + std::time::Duration::from_secs(seconds);
                httpdate::fmt_http_date(at)
            }
        }
    }
}
