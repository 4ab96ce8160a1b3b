//! What the gate requires of a vendor, and the implementation shared by the three REST vendors.

use std::sync::Mutex;

use async_trait::async_trait;
use hyper::StatusCode;
use serde_json::Value;

use crate::Vendor;
use crate::fault::FieldFault;
use crate::http::{Answer, BodyFault, Call, Lookup, Payload, Request, Route, locate};
use crate::rate::Budget;
use crate::sync::lock;

/// An error, to be written in a vendor's format. Absent members get the usual text of the status.
#[derive(Debug, Clone, Default)]
pub(crate) struct ErrorSpec {
    pub(crate) status: StatusCode,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) fields: Vec<FieldFault>,
}

impl ErrorSpec {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: Some(message.into()),
            ..Self::default()
        }
    }

    /// The message, or the status in words.
    pub(crate) fn text(&self) -> String {
        let usual = || self.status.canonical_reason().unwrap_or("error").to_owned();
        self.message.clone().unwrap_or_else(usual)
    }
}

/// One vendor's API, as the gate calls it.
#[async_trait]
pub(crate) trait VendorApi: Send + Sync {
    fn vendor(&self) -> Vendor;

    /// The first segments of the vendor's paths.
    fn base(&self) -> &'static str;

    /// The operations of a request, or the refusal of an unknown one.
    fn locate(&self, request: &Request) -> Result<Vec<String>, Answer>;

    /// Checks the key, then does the work.
    async fn execute(&self, request: &Request) -> Answer;

    /// An error in the vendor's format.
    fn error(&self, spec: &ErrorSpec) -> Answer;

    /// Adds the vendor's rate limit headers to an answer.
    fn add_rate_limit(&self, answer: Answer, budget: Budget) -> Answer;
}

/// A REST vendor: its state, its routes and its error format.
pub(crate) trait RestVendor: Send + Sized + 'static {
    const VENDOR: Vendor;
    const BASE: &'static str;

    fn routes() -> &'static [Route<Self>];

    /// The caller's key, if it is allowed this operation.
    fn authorize(&self, request: &Request, operation: &str) -> Result<String, Answer>;

    fn error(spec: &ErrorSpec) -> Answer;

    /// The vendor's error for an invalid body.
    fn body_error(fault: &BodyFault) -> Answer;

    fn add_rate_limit(answer: Answer, budget: Budget) -> Answer;
}

/// Serves a [`RestVendor`].
pub(crate) struct Rest<V> {
    pub(crate) state: Mutex<V>,
}

impl<V: RestVendor> Rest<V> {
    pub(crate) const fn new(state: V) -> Self {
        Self {
            state: Mutex::new(state),
        }
    }

    fn refuse(status: StatusCode, why: String) -> Answer {
        V::error(&ErrorSpec {
            status,
            ..ErrorSpec::default()
        })
        .for_stray(why)
    }

    fn serve(&self, request: &Request) -> Result<Answer, Answer> {
        let Lookup::Found(found) = locate(V::routes(), V::BASE, request) else {
            return Err(Self::refuse(StatusCode::NOT_FOUND, "unknown path".into()));
        };
        let mut state = lock(&self.state);
        let key = state.authorize(request, found.route.operation)?;
        if let Some(name) = found.stray_parameter(request) {
            let why = format!("unknown query parameter {name}");
            return Err(V::body_error(&BodyFault::value(name, &why)).for_stray(why));
        }
        let body = match found.route.payload {
            Payload::None => Value::Null,
            Payload::Json => request.json().ok_or_else(|| {
                V::body_error(&BodyFault::value("", "body is not JSON"))
                    .for_stray("body is not JSON")
            })?,
        };
        let query = request.query.clone();
        let params = found.params;
        (found.route.handle)(
            &mut state,
            &Call {
                params,
                query,
                body,
                key,
            },
        )
    }
}

#[async_trait]
impl<V: RestVendor> VendorApi for Rest<V> {
    fn vendor(&self) -> Vendor {
        V::VENDOR
    }

    fn base(&self) -> &'static str {
        V::BASE
    }

    fn locate(&self, request: &Request) -> Result<Vec<String>, Answer> {
        match locate(V::routes(), V::BASE, request) {
            Lookup::Found(found) => Ok(vec![found.route.operation.to_owned()]),
            Lookup::WrongMethod => {
                let why = "unknown method on a known path".to_owned();
                Err(Self::refuse(StatusCode::METHOD_NOT_ALLOWED, why))
            }
            Lookup::UnknownPath => Err(Self::refuse(StatusCode::NOT_FOUND, "unknown path".into())),
        }
    }

    async fn execute(&self, request: &Request) -> Answer {
        self.serve(request).unwrap_or_else(|refusal| refusal)
    }

    fn error(&self, spec: &ErrorSpec) -> Answer {
        V::error(spec)
    }

    fn add_rate_limit(&self, answer: Answer, budget: Budget) -> Answer {
        V::add_rate_limit(answer, budget)
    }
}

/// Parses a handler's body strictly. An unknown member is recorded.
pub(crate) fn read<V: RestVendor, T: serde::de::DeserializeOwned>(
    call: &Call,
) -> Result<T, Answer> {
    use crate::http::FaultIn;
    BodyFault::check(&call.body).map_err(|fault| {
        let answer = V::body_error(&fault);
        match fault.kind {
            FaultIn::Unknown => answer.for_stray(format!("unknown member {}", fault.field)),
            FaultIn::Missing | FaultIn::Value => answer,
        }
    })
}
