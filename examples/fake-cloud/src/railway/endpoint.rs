//! The one endpoint: parse, validate, advance the deployments, execute, and answer 200 with
//! `errors[]` for every business error.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationType, Selection,
};
use async_graphql::{Response, Variables};
use async_trait::async_trait;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::deploy::ReadCount;
use super::message::{DOMAIN_RACE, IN_PROGRESS, Refusal, TOO_SLOW};
use super::schema::{self, Schema};
use super::state::{Shared, State};
use crate::Vendor;
use crate::api::{ErrorSpec, VendorApi};
use crate::http::{Answer, Request};
use crate::launcher::Launcher;
use crate::rate::Budget;
use crate::sync::lock;

/// The vendor: its state, its schema and what runs its containers.
pub(crate) struct Railway {
    pub(crate) state: Shared,
    schema: Schema,
    launcher: Arc<dyn Launcher>,
}

#[derive(Deserialize)]
struct Asked {
    query: String,
    #[serde(default)]
    variables: Option<Value>,
    #[serde(rename = "operationName", default)]
    operation_name: Option<String>,
}

impl Railway {
    pub(crate) fn new(state: State, launcher: Arc<dyn Launcher>) -> Self {
        Self {
            state: Arc::new(Mutex::new(state)),
            schema: schema::build(),
            launcher,
        }
    }

    /// Advances deployments and starts the containers that are due, until nothing is due.
    pub(crate) async fn settle(&self, mut read: ReadCount) {
        loop {
            let launches = lock(&self.state).advance(read);
            read = ReadCount::None;
            if launches.is_empty() {
                return;
            }
            // In tasks of their own, so that they finish even if the client hangs up.
            let starts = launches.into_iter().map(|launch| {
                let (state, launcher) = (Arc::clone(&self.state), Arc::clone(&self.launcher));
                tokio::spawn(async move {
                    let running = launcher.launch(launch.container).await;
                    lock(&state).launched(&launch.deployment, running);
                })
            });
            for start in starts.collect::<Vec<_>>() {
                if let Err(error) = start.await {
                    tracing::warn!(%error, "launcher panicked");
                }
            }
        }
    }

    /// Begins a change of an environment. A concurrent one is refused.
    fn begin_change(&self, environment: &str, fields: &[String]) -> Result<Change, Answer> {
        if lock(&self.state).changing.insert(environment.to_owned()) {
            return Ok(Change {
                state: Arc::clone(&self.state),
                environment: environment.to_owned(),
            });
        }
        let domain = fields.iter().any(|field| field == "serviceDomainCreate");
        let message = if domain { DOMAIN_RACE } else { IN_PROGRESS };
        Err(refused(&Refusal::new(message)))
    }

    /// Executes the request. A change of an environment takes time and excludes others.
    async fn run(&self, request: &Request) -> Answer {
        let blocked = {
            let mut state = lock(&self.state);
            let limit = state.options.edge;
            state.edge.block(limit, request)
        };
        if let Some(page) = blocked {
            return page;
        }
        let change_ms = lock(&self.state).options.change_ms;
        let changed = changed_environment(request).filter(|_| change_ms > 0);
        let Some((environment, fields)) = changed else {
            return self.serve(request).await;
        };
        let _change = match self.begin_change(&environment, &fields) {
            Ok(change) => change,
            Err(refusal) => return refusal,
        };
        tokio::time::sleep(Duration::from_millis(change_ms)).await;
        self.serve(request).await
    }

    async fn serve(&self, request: &Request) -> Answer {
        let caller = match Caller::authenticate(request, &lock(&self.state)) {
            Ok(caller) => caller,
            Err(refusal) => return refused(&refusal),
        };
        let Ok((asked, document)) = read(request) else {
            return malformed("GRAPHQL_PARSE_FAILED", json!([{"message": "Syntax Error"}]));
        };
        let kind = operation(&document, asked.operation_name.as_deref()).map(|(kind, _)| kind);
        if kind == Some(OperationType::Query) {
            self.settle(ReadCount::One).await;
        }
        let variables = Variables::from_json(asked.variables.unwrap_or_default());
        let mut graphql = async_graphql::Request::new(asked.query).variables(variables);
        graphql.operation_name = asked.operation_name;
        graphql = graphql.data(Arc::clone(&self.state)).data(caller);
        let response = self.schema.execute(graphql).await;
        if kind == Some(OperationType::Mutation) {
            self.settle(ReadCount::None).await;
        }
        shape(&response)
    }
}

/// A change of an environment that is in progress, even if its client has hung up.
struct Change {
    state: Shared,
    environment: String,
}

impl Drop for Change {
    fn drop(&mut self) {
        lock(&self.state).changing.remove(&self.environment);
    }
}

/// The environment of a domain creation or a patch, and the operation.
fn changed_environment(request: &Request) -> Option<(String, Vec<String>)> {
    let (asked, document) = read(request).ok()?;
    let (_, fields) = operation(&document, asked.operation_name.as_deref())?;
    let changes =
        |field: &String| field == "serviceDomainCreate" || field == "environmentPatchCommit";
    if !fields.iter().any(changes) {
        return None;
    }
    let variables = asked.variables?;
    let id = variables["environmentId"].as_str();
    let id = id.or_else(|| variables["input"]["environmentId"].as_str())?;
    Some((id.to_owned(), fields))
}

fn read(request: &Request) -> Result<(Asked, ExecutableDocument), ()> {
    let asked: Asked = serde_json::from_slice(&request.body).map_err(drop)?;
    let document = async_graphql::parser::parse_query(&asked.query).map_err(drop)?;
    Ok((asked, document))
}

/// The kind and the root fields of the requested operation.
fn operation(
    document: &ExecutableDocument,
    name: Option<&str>,
) -> Option<(OperationType, Vec<String>)> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => &operation.node,
        (DocumentOperations::Multiple(all), Some(name)) => &all.get(name)?.node,
        (DocumentOperations::Multiple(_), None) => return None,
    };
    let fields = operation
        .selection_set
        .node
        .items
        .iter()
        .filter_map(|item| match &item.node {
            Selection::Field(field) => Some(field.node.name.node.to_string()),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
        });
    Some((operation.ty, fields.collect()))
}

/// An error that does not come from a resolver is a validation error: 400, as at the vendor [O]. One
/// of a resolver is a business error: always 200, with the same code [O].
fn shape(response: &Response) -> Answer {
    let invalid = response
        .errors
        .iter()
        .any(|error| error.source::<Refusal>().is_none());
    if response
        .errors
        .iter()
        .any(|error| error.message == TOO_SLOW)
    {
        let page = "<html><body>upstream request timeout</body></html>";
        return Answer::text(StatusCode::GATEWAY_TIMEOUT, "text/html", page);
    }
    let code = if invalid {
        "GRAPHQL_VALIDATION_FAILED"
    } else {
        "INTERNAL_SERVER_ERROR"
    };
    let errors: Vec<Value> = response
        .errors
        .iter()
        .map(|error| {
            let mut shaped = json!({"message": error.message, "extensions": {"code": code}});
            shaped["locations"] = json!(error.locations);
            if !error.path.is_empty() {
                shaped["path"] = json!(error.path);
            }
            shaped
        })
        .collect();
    if invalid {
        let message = response.errors.first().map(|error| error.message.clone());
        return malformed(code, errors.into()).for_stray(message.unwrap_or_default());
    }
    let mut body = json!({"data": response.data});
    if !errors.is_empty() {
        body["errors"] = errors.into();
    }
    Answer::ok(body)
}

fn malformed(code: &str, mut errors: Value) -> Answer {
    for error in errors.as_array_mut().into_iter().flatten() {
        error["extensions"] = json!({"code": code});
    }
    Answer::json(StatusCode::BAD_REQUEST, json!({"errors": errors})).for_stray(code)
}

fn refused(refusal: &Refusal) -> Answer {
    error_answer(&ErrorSpec::new(StatusCode::OK, refusal.to_string()))
}

fn error_answer(spec: &ErrorSpec) -> Answer {
    let code = spec.code.as_deref().unwrap_or("INTERNAL_SERVER_ERROR");
    let mut error = json!({"message": spec.text(), "extensions": {"code": code}});
    if !spec.fields.is_empty() {
        error["extensions"]["fields"] = json!(spec.fields);
    }
    Answer::json(spec.status, json!({"errors": [error], "data": null}))
}

#[async_trait]
impl VendorApi for Railway {
    fn vendor(&self) -> Vendor {
        Vendor::Railway
    }

    fn base(&self) -> &'static str {
        "/railway/graphql/v2"
    }

    fn locate(&self, request: &Request) -> Result<Vec<String>, Answer> {
        if request.path != self.base() || request.method != Method::POST {
            let answer = Answer::text(StatusCode::NOT_FOUND, "text/plain", "Not Found");
            return Err(answer.for_stray("not POST to the endpoint"));
        }
        let unread = || vec!["unreadable".to_owned()];
        Ok(read(request).map_or_else(
            |()| unread(),
            |(asked, document)| {
                let found = operation(&document, asked.operation_name.as_deref());
                found.map_or_else(unread, |(_, fields)| fields)
            },
        ))
    }

    async fn execute(&self, request: &Request) -> Answer {
        self.run(request).await
    }

    fn error(&self, spec: &ErrorSpec) -> Answer {
        error_answer(spec)
    }

    /// In every answer. The format of the reset is not documented [?]; here it is epoch seconds. A
    /// 429 has `Retry-After` in whole seconds [D], and its body need not be JSON [U].
    fn add_rate_limit(&self, answer: Answer, budget: Budget) -> Answer {
        let reset = chrono::Utc::now()
            .timestamp()
            .saturating_add_unsigned(budget.reset_seconds);
        let answer = if answer.status == StatusCode::TOO_MANY_REQUESTS {
            Answer::text(answer.status, "text/plain", "Too Many Requests")
                .with_header("retry-after", budget.reset_seconds)
        } else {
            answer
        };
        answer
            .with_header("x-ratelimit-limit", budget.limit)
            .with_header("x-ratelimit-remaining", budget.remaining)
            .with_header("x-ratelimit-reset", reset)
    }
}
