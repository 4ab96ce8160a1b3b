//! The document itself.

use std::collections::BTreeMap;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use schemars::SchemaGenerator;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

use super::operation::{Answer, Body, Content, Operation};

/// The media type of server-sent events.
const EVENTS: &str = "text/event-stream";

/// The metadata of a document.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The name of the API.
    pub title: &'static str,
    /// The version of the service.
    pub version: &'static str,
    /// Its purpose.
    pub description: &'static str,
}

/// The OpenAPI 3.1 document of a service.
#[must_use]
pub fn document(about: &About, operations: &[Operation]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for operation in operations {
        let described = describe(operation, &mut schemas);
        let path = paths
            .entry(braced(operation.path))
            .or_insert_with(|| json!({}));
        path[operation.method] = described;
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": about.title,
            "version": about.version,
            "description": about.description,
        },
        // The service that serves the document.
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
        },
    });
    tidy(&mut document);
    document
}

/// Two generators: a request may omit members that a response always contains.
struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let generator = |contract: Contract| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings.contract = contract;
            settings.into_generator()
        };
        Self {
            read: generator(Contract::Deserialize),
            written: generator(Contract::Serialize),
        }
    }

    /// All referenced schemas. A type in both requests and responses is described as in responses.
    fn into_components(mut self) -> BTreeMap<String, Value> {
        let mut all: BTreeMap<_, _> = self.read.take_definitions(true).into_iter().collect();
        all.extend(self.written.take_definitions(true));
        all
    }
}

fn describe(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "security": if operation.needs_key { json!([{ "key": [] }]) } else { json!([]) },
    });
    let parameters = parameters(operation, &mut schemas.read);
    if !parameters.is_empty() {
        described["parameters"] = Value::Array(parameters);
    }
    if let Some(Body { schema, required }) = operation.body {
        let schema = schema(&mut schemas.read);
        described["requestBody"] = json!({
            "required": required,
            "content": { "application/json": { "schema": schema } },
        });
    }
    described["responses"] = Value::Object(responses(operation, &mut schemas.written));
    described
}

fn parameters(operation: &Operation, generator: &mut SchemaGenerator) -> Vec<Value> {
    let in_path = operation.path_parameters.iter().map(|(name, schema)| {
        json!({ "name": name, "in": "path", "required": true, "schema": schema(generator) })
    });
    let mut all: Vec<_> = in_path.collect();
    for (name, description, schema) in &operation.headers {
        all.push(json!({
            "name": name, "in": "header", "required": false, "description": description,
            "schema": schema(generator),
        }));
    }
    let Some(query) = operation.query else {
        return all;
    };
    let query = query(generator).to_value();
    let required = query["required"].as_array().cloned().unwrap_or_default();
    for (name, schema) in query["properties"].as_object().into_iter().flatten() {
        let mut schema = schema.clone();
        let description = schema
            .as_object_mut()
            .and_then(|it| it.remove("description"));
        all.push(json!({
            "name": name, "in": "query", "required": required.contains(&json!(name)),
            "description": description.unwrap_or_default(), "schema": without_null(schema),
        }));
    }
    all
}

/// A parameter is absent or has a value; it is never null.
fn without_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema["type"].as_array() {
        let kinds: Vec<_> = kinds.iter().filter(|kind| **kind != "null").collect();
        if let [kind] = kinds[..] {
            schema["type"] = kind.clone();
        }
    }
    let Some(each) = schema["anyOf"].as_array() else {
        return schema;
    };
    let kept: Vec<_> = each.iter().filter(|it| it["type"] != "null").collect();
    match kept[..] {
        [only] => only.clone(),
        _ => schema,
    }
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut responses = BTreeMap::new();
    for Answer {
        status,
        description,
        content,
    } in &operation.answers
    {
        let content = match content {
            Content::Json(schema) => json!({ "application/json": { "schema": schema(generator) } }),
            // A stream is not a string, and OpenAPI 3.1 cannot describe the schema of its events.
            Content::Text(EVENTS) => json!({ EVENTS: {} }),
            Content::Text(media) => json!({ *media: { "schema": { "type": "string" } } }),
        };
        let answer = json!({ "description": description, "content": content });
        responses.insert(status.to_string(), answer);
    }
    let problem = generator.subschema_for::<Problem>();
    let mut by_status: BTreeMap<u16, Vec<&ProblemCode>> = BTreeMap::new();
    for code in &operation.problems {
        by_status.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let words: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
        // A client gets the second type if it accepts it.
        let answer = json!({
            "description": words.join(", "),
            "content": {
                "application/json": { "schema": problem },
                "application/problem+json": { "schema": problem },
            },
        });
        responses.insert(status.to_string(), answer);
    }
    responses.into_iter().collect()
}

/// `/instances/:id` as `/instances/{id}`.
fn braced(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        let name = segment.strip_prefix(':');
        name.map_or_else(|| segment.to_owned(), |name| format!("{{{name}}}"))
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Turns Rust doc comments into descriptions: removes examples and links into the code.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // Only a schema's own member; a property of this name is an object.
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = plain(text);
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn plain(doc: &str) -> String {
    let mut text = String::new();
    for (index, part) in doc.split("```").enumerate() {
        if index % 2 == 0 {
            text.push_str(part);
        }
    }
    // [`Name`](path) and [`Name`] become `Name`.
    let mut out = String::new();
    let mut rest = text.trim();
    while let Some((before, after)) = rest.split_once("[`") {
        out.push_str(before);
        let Some((name, after)) = after.split_once("`]") else {
            out.push_str("[`");
            rest = after;
            continue;
        };
        out.push_str(&format!("`{name}`"));
        let target = after.strip_prefix('(').and_then(|it| it.split_once(')'));
        rest = target.map_or(after, |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;

    /// A letter.
    ///
    /// ```
    /// let example = 1;
    /// ```
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Letter {
        /// For [`Somebody`](crate::Somebody).
        to: String,
        #[serde(default)]
        copies: u8,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    struct Query {
        /// How many.
        limit: Option<u16>,
    }

    fn letters() -> Value {
        let about = About {
            title: "Letters",
            version: "1",
            description: "Sends letters.",
        };
        let send = Operation::post("/letters/:id", "send_letter", "Send a letter")
            .key()
            .segment::<u32>("id")
            .query::<Query>()
            .body::<Letter>()
            .answers::<Letter>("It is sent.")
            .problems(&[ProblemCode::UnknownInstance]);
        document(&about, &[send])
    }

    #[test]
    fn an_operation_names_its_parameters_body_and_answers() {
        let document = letters();
        let send = &document["paths"]["/letters/{id}"]["post"];
        assert_eq!(send["security"], json!([{ "key": [] }]));
        let limit = &send["parameters"][1];
        assert_eq!(
            (&limit["name"], &limit["in"]),
            (&json!("limit"), &json!("query"))
        );
        assert_eq!(limit["schema"]["type"], "integer", "{limit}");
        let of_letter = json!({ "$ref": "#/components/schemas/Letter" });
        assert_eq!(
            send["requestBody"]["content"]["application/json"]["schema"],
            of_letter
        );
        let statuses: Vec<_> = send["responses"].as_object().unwrap().keys().collect();
        assert_eq!(
            statuses,
            ["200", "400", "401", "404", "408", "413", "429", "500"]
        );
        assert_eq!(
            send["responses"]["404"]["description"],
            "`unknown_route`, `unknown_instance`"
        );
    }

    #[test]
    fn descriptions_have_no_rust_in_them() {
        let letter = &letters()["components"]["schemas"]["Letter"];
        assert_eq!(letter["description"], "A letter.");
        assert_eq!(letter["properties"]["to"]["description"], "For `Somebody`.");
    }
}
