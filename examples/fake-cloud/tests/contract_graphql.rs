//! The GraphQL schema against the vendor's, and the vendor's operations against ours.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not know as such"
)]

mod common;
mod contracts;

use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use common::start;
use fake_cloud::{Options, railway_sdl};
use serde_json::{Value, json};

fn schema(sdl: String, name: &str) -> Valid<Schema> {
    Schema::parse_and_validate(sdl, name).unwrap_or_else(|faults| panic!("{}", faults.errors))
}

/// A type's fields or input fields with their arguments: `name(arg: Type): Type`.
fn members(of: &ExtendedType) -> Vec<String> {
    let field = |name: &str, arguments: Vec<String>, ty: String| (name.to_owned(), arguments, ty);
    let all: Vec<_> = match of {
        ExtendedType::Object(object) => object
            .fields
            .iter()
            .map(|(name, f)| {
                let arguments = f.arguments.iter().map(|a| format!("{}: {}", a.name, a.ty));
                field(name, arguments.collect(), f.ty.to_string())
            })
            .collect(),
        ExtendedType::InputObject(input) => input
            .fields
            .iter()
            .map(|(name, f)| field(name, Vec::new(), f.ty.to_string()))
            .collect(),
        ExtendedType::Enum(words) => words
            .values
            .keys()
            .map(|name| field(name, Vec::new(), String::new()))
            .collect(),
        ExtendedType::Scalar(_) | ExtendedType::Interface(_) | ExtendedType::Union(_) => Vec::new(),
    };
    let lines = all.into_iter().flat_map(|(name, arguments, ty)| {
        let line = format!("{name}: {ty}");
        let arguments: Vec<_> = arguments
            .into_iter()
            .map(|a| format!("{name}({a})"))
            .collect();
        arguments.into_iter().chain([line])
    });
    lines.collect()
}

#[test]
fn every_type_field_and_argument_is_the_vendors() {
    let Some(theirs) = contracts::text("railway/schema.graphql") else {
        return;
    };
    let (ours, theirs) = (schema(railway_sdl(), "ours"), schema(theirs, "theirs"));
    let mut strange = Vec::new();
    for (name, of) in ours
        .types
        .iter()
        .filter(|(name, of)| !of.is_built_in() && !name.starts_with("__"))
    {
        let known = theirs.types.get(name).map(members).unwrap_or_default();
        if !theirs.types.contains_key(name) {
            strange.push(format!("type {name}"));
        }
        let unknown = members(of)
            .into_iter()
            .filter(|member| !known.contains(member));
        strange.extend(unknown.map(|member| format!("{name}.{member}")));
    }
    assert!(strange.is_empty(), "{strange:#?}");
}

#[test]
fn every_operation_of_the_contracts_is_valid_here() {
    let Some(operations) = contracts::text("railway/operations.graphql") else {
        return;
    };
    let ours = schema(railway_sdl(), "ours");
    if let Err(faults) = ExecutableDocument::parse_and_validate(&ours, operations, "operations") {
        panic!("{}", faults.errors);
    }
}

/// Variables of the right types for any operation; the ids do not exist.
fn variables(operation: &str) -> Value {
    let (project, environment, service) = ("p", "e", "s");
    let input = match operation {
        "Deployments" => json!({"projectId": project}),
        "ServiceCreate" => json!({"projectId": project, "name": "n"}),
        "VolumeCreate" => {
            json!({"projectId": project, "mountPath": "/data", "environmentId": null})
        }
        "ServiceDomainCreate" => {
            json!({"serviceId": service, "environmentId": environment, "targetPort": 80})
        }
        "ServiceInstanceUpdate" => json!({"source": {"image": "i"}, "startCommand": "run"}),
        "ServiceInstanceLimitsUpdate" => {
            json!({"serviceId": service, "environmentId": environment, "memoryGB": 1.5, "vCPUs": 2})
        }
        "VariableCollectionUpsert" => json!({"projectId": project, "environmentId": environment,
            "serviceId": service, "variables": {"A": "1"}, "skipDeploys": true}),
        "ProjectCreate" => json!({"name": "new", "defaultEnvironmentName": "main"}),
        "EnvironmentCreate" => json!({"projectId": project, "name": "n"}),
        _ => Value::Null,
    };
    json!({
        "projectId": project, "environmentId": environment, "serviceId": service, "id": "i",
        "workspaceId": "w", "volumeId": "v", "deploymentId": "d", "first": 10, "limit": 10,
        "patch": {"services": {}}, "input": input, "usePreviousImageTag": true,
    })
}

#[tokio::test]
async fn every_operation_of_the_contracts_executes() {
    let Some(operations) = contracts::text("railway/operations.graphql") else {
        return;
    };
    let api = start(Options::default()).await;
    let token = api.cloud.options().railway.tokens.account.clone();
    let ours = schema(railway_sdl(), "ours");
    let document =
        ExecutableDocument::parse_and_validate(&ours, &operations, "operations").unwrap();
    assert!(document.operations.named.len() >= 30);
    for name in document.operations.named.keys() {
        let body =
            json!({"query": operations, "operationName": name, "variables": variables(name)});
        let url = api.cloud.railway_url();
        let answer = api
            .send(reqwest::Method::POST, url, &token, Some(body))
            .await;
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{name}: {answer}");
    }
    assert!(api.cloud.unexpected().is_empty());
}
