//! The path of every request: find the operation, count it, delay it, apply a fault, charge the rate
//! limit, execute it, record it.

use std::future::pending;
use std::sync::{Arc, Mutex};

use hyper::StatusCode;

use crate::Vendor;
use crate::api::{ErrorSpec, VendorApi};
use crate::fault::{Body, Effect, Faults, Phase};
use crate::http::{Answer, Cut, Request};
use crate::keys::Keys;
use crate::ledger::{Exchange, Ledger, Unexpected};
use crate::options::Latency;
use crate::rate::Meter;
use crate::sync::lock;

/// One vendor behind the gate, with its own latency and rate limit.
pub(crate) struct Gated {
    pub(crate) api: Arc<dyn VendorApi>,
    pub(crate) meter: Mutex<Meter>,
    pub(crate) latency: Mutex<Latency>,
}

/// All vendors, faults, keys and records of one cloud.
pub(crate) struct Gate {
    pub(crate) vendors: Vec<Gated>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) keys: Mutex<Keys>,
    pub(crate) record: bool,
}

impl Gate {
    /// The vendor of this name; every vendor is behind the gate from its start.
    pub(crate) fn vendor(&self, vendor: Vendor) -> Option<&Gated> {
        self.vendors
            .iter()
            .find(|gated| gated.api.vendor() == vendor)
    }

    /// Answers one request, or cuts the connection.
    pub(crate) async fn handle(&self, mut request: Request) -> Result<Answer, Cut> {
        let Some(gated) = self.vendors.iter().find(|gated| {
            let rest = request.path.strip_prefix(gated.api.base());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }) else {
            return Ok(self.lost(&request));
        };
        lock(&self.keys).translate(&mut request.headers);
        let operations = match gated.api.locate(&request) {
            Ok(operations) => operations,
            Err(refusal) => {
                self.note_stray(gated.api.vendor(), &request, &refusal);
                return Ok(refusal);
            }
        };
        lock(&self.ledger).count(gated.api.vendor(), &operations);
        self.wait(gated).await;
        let strike = lock(&self.faults).strike(gated.api.vendor(), &operations);
        let faulted = strike.is_some();
        let answer = self.answer(gated, &request, strike).await?;
        self.note_stray(gated.api.vendor(), &request, &answer);
        self.note_exchange(gated, &request, &operations, &answer, faulted);
        Ok(answer)
    }

    async fn wait(&self, gated: &Gated) {
        let latency = *lock(&gated.latency);
        let delay = lock(&self.faults).delay(latency.base(), latency.jitter());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }

    async fn answer(
        &self,
        gated: &Gated,
        request: &Request,
        strike: Option<(Effect, Phase)>,
    ) -> Result<Answer, Cut> {
        let api = gated.api.as_ref();
        let budget = lock(&gated.meter).spend();
        if let Some(budget) = budget.filter(|budget| budget.exceeded) {
            let spec = ErrorSpec {
                status: StatusCode::TOO_MANY_REQUESTS,
                ..ErrorSpec::default()
            };
            return Ok(api.add_rate_limit(api.error(&spec), budget));
        }
        let answer = match strike {
            None => api.execute(request).await,
            Some((effect, Phase::Before)) => return break_off(api, &effect).await,
            Some((effect, Phase::After)) => {
                let mut answer = api.execute(request).await;
                if !effect.mangles() {
                    return break_off(api, &effect).await;
                }
                if let Some(body) = answer.body_mut() {
                    effect.mangle(body);
                }
                answer
            }
        };
        Ok(match budget {
            Some(budget) => api.add_rate_limit(answer, budget),
            None => answer,
        })
    }

    fn lost(&self, request: &Request) -> Answer {
        let vendor = request
            .path
            .split('/')
            .nth(1)
            .and_then(|word| word.parse().ok());
        let answer = Answer::text(
            StatusCode::NOT_FOUND,
            "text/plain",
            "no vendor has this path\n",
        );
        let answer = answer.for_stray("outside every vendor's base");
        if let Some(vendor) = vendor {
            self.note_stray(vendor, request, &answer);
        }
        answer
    }

    fn note_stray(&self, vendor: Vendor, request: &Request, answer: &Answer) {
        if let Some(why) = &answer.stray {
            tracing::warn!(%vendor, method = %request.method, path = request.path, why, "unexpected request");
            lock(&self.ledger).unexpected.push(Unexpected {
                vendor,
                method: request.method.to_string(),
                path: request.path.clone(),
                why: why.clone(),
            });
        }
    }

    fn note_exchange(
        &self,
        gated: &Gated,
        request: &Request,
        operations: &[String],
        answer: &Answer,
        faulted: bool,
    ) {
        let vendor = gated.api.vendor();
        tracing::debug!(%vendor, ?operations, status = answer.status.as_u16(), faulted, "answered");
        if self.record {
            let path = request.path.strip_prefix(gated.api.base());
            lock(&self.ledger).exchanges.push(Exchange {
                vendor,
                operation: operations.join(" "),
                method: request.method.to_string(),
                path: path.unwrap_or_default().to_owned(),
                query: request.query.clone(),
                request: request.json(),
                status: answer.status.as_u16(),
                answer: answer.body().cloned(),
                faulted,
            });
        }
    }
}

/// The answer of a fault that replaces the vendor's.
async fn break_off(api: &dyn VendorApi, effect: &Effect) -> Result<Answer, Cut> {
    match effect {
        Effect::Cut => Err(Cut),
        Effect::Status {
            status,
            body,
            code,
            message,
            fields,
            retry_after,
        } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let answer = match body {
                Body::Html => Answer::text(
                    status,
                    "text/html; charset=utf-8",
                    "<!doctype html><html><head><title>Error</title></head><body>Bad gateway</body></html>",
                ),
                Body::Raw(text) => Answer::text(status, "application/json", text.clone()),
                Body::Vendor => api.error(&ErrorSpec {
                    status,
                    code: code.clone(),
                    message: message.clone(),
                    fields: fields.clone(),
                }),
            };
            Ok(match retry_after {
                Some(after) => answer.with_header("retry-after", after.text()),
                None => answer,
            })
        }
        Effect::Hang
        | Effect::MissingField(_)
        | Effect::NullField(_)
        | Effect::EmptyPage
        | Effect::HugePage(_)
        | Effect::ForeignItem(_) => pending().await,
    }
}
