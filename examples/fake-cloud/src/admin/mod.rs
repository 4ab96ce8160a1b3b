//! The admin API under `/_admin`, for other processes; see the crate's README.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::Vendor;
use crate::fault::FaultRule;
use crate::http::{Answer, BodyFault, Request};
use crate::inner::Inner;
use crate::options::Latency;
use crate::rate::RateLimit;
use crate::sync::lock;

#[derive(Deserialize)]
struct OfVendor<T> {
    vendor: Vendor,
    #[serde(flatten)]
    value: T,
}

#[derive(Deserialize)]
struct Limit {
    limit: Option<RateLimit>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Issued {
    key: String,
    new: String,
}

#[derive(Deserialize)]
struct Revoked {
    key: String,
}

/// Answers a request under `/_admin`; `None` for all others.
pub(crate) fn answer(inner: &Inner, request: &Request) -> Option<Answer> {
    let path = request.path.strip_prefix("/_admin")?;
    Some(route(inner, &request.method, path, request).unwrap_or_else(|refusal| refusal))
}

fn route(inner: &Inner, method: &Method, path: &str, request: &Request) -> Result<Answer, Answer> {
    match (method, path) {
        (&Method::GET, "/state") => Ok(Answer::ok(json!(inner.state()))),
        (&Method::GET, "/calls") => Ok(calls(inner)),
        (&Method::GET, "/unexpected") => Ok(Answer::ok(json!(lock(&inner.gate.ledger).unexpected))),
        (&Method::GET, "/exchanges") => Ok(Answer::ok(json!(lock(&inner.gate.ledger).exchanges))),
        (&Method::GET, "/faults") => Ok(Answer::ok(json!(lock(&inner.gate.faults).rules()))),
        (&Method::POST, "/faults") => {
            let rule: FaultRule = body(request)?;
            lock(&inner.gate.faults).add(rule);
            Ok(done())
        }
        (&Method::DELETE, "/faults") => {
            lock(&inner.gate.faults).clear();
            Ok(done())
        }
        (&Method::PUT, "/latency") => {
            let asked: OfVendor<Latency> = body(request)?;
            if let Some(gated) = inner.gate.vendor(asked.vendor) {
                *lock(&gated.latency) = asked.value;
            }
            Ok(done())
        }
        (&Method::PUT, "/rate-limit") => {
            let asked: OfVendor<Limit> = body(request)?;
            if let Some(gated) = inner.gate.vendor(asked.vendor) {
                lock(&gated.meter).set(asked.value.limit);
            }
            Ok(done())
        }
        (&Method::POST, "/keys") => {
            let Issued { key, new } = body(request)?;
            lock(&inner.gate.keys).issue(&key, &new);
            Ok(done())
        }
        (&Method::DELETE, "/keys") => {
            lock(&inner.gate.keys).revoke(&body::<Revoked>(request)?.key);
            Ok(done())
        }
        (&Method::POST, "/crash") => {
            let asked: Named = body(request)?;
            lock(&inner.railway.state).crash(&asked.name);
            Ok(done())
        }
        _ => Err(Answer::json(
            StatusCode::NOT_FOUND,
            json!({"error": "no such admin route"}),
        )),
    }
}

fn done() -> Answer {
    Answer::empty(StatusCode::NO_CONTENT)
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Answer> {
    let bad = |text: String| Answer::json(StatusCode::BAD_REQUEST, json!({"error": text}));
    let json = request
        .json()
        .ok_or_else(|| bad("body is not JSON".into()))?;
    BodyFault::check(&json).map_err(|fault| bad(format!("{}: {}", fault.field, fault.message)))
}

fn calls(inner: &Inner) -> Answer {
    let mut all = Map::new();
    for ((vendor, operation), count) in &lock(&inner.gate.ledger).calls {
        let of = all.entry(vendor.word()).or_insert_with(|| json!({}));
        of[operation] = Value::from(*count);
    }
    Answer::ok(Value::Object(all))
}
