use std::collections::HashMap;
use std::path::Path;

use fake_cloud::Exchange;
use serde_json::{Value, json};

/// Paths that the vendors document elsewhere: Telnyx has 10DLC in a file of its own.
const NOT_IN_THE_DOCUMENT: [&str; 1] = ["/10dlc/"];

/// A vendor's OpenAPI document.
#[derive(Debug)]
pub struct OpenApi {
    root: Value,
}

impl OpenApi {
    /// The document of one vendor; `None`, with a message, if the contracts are not next to the repository, which is
    /// a failure in CI.
    #[must_use]
    pub fn load(vendor: &str) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts");
        let file = folder.join(vendor).join("openapi.json");
        match std::fs::read_to_string(&file) {
            Ok(text) => Some(Self {
                root: serde_json::from_str(&text).unwrap(),
            }),
            Err(error) => {
                let ci = std::env::vars_os().any(|(name, _)| name == "CI");
                assert!(!ci, "{}: {error}", file.display());
                eprintln!(
                    "\n*** SKIPPED: no {}: requests were not checked ***\n",
                    file.display()
                );
                None
            }
        }
    }

    /// The deviations of a request from the document: its path, method, query and body.
    #[must_use]
    pub fn faults(&self, sent: &Exchange) -> Vec<String> {
        if NOT_IN_THE_DOCUMENT
            .iter()
            .any(|part| sent.path.starts_with(part))
        {
            return Vec::new();
        }
        let Some(operation) = self.operation(&sent.method, &sent.path) else {
            return vec!["no such path and method".to_owned()];
        };
        let mut faults = Vec::new();
        if operation["deprecated"] == true {
            faults.push("deprecated".to_owned());
        }
        self.check_query(operation, &sent.query, &mut faults);
        self.check_body(operation, sent.request.as_ref(), &mut faults);
        faults
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let fits = |template: &str| {
            let (wanted, given) = (template.split('/'), path.split('/'));
            wanted.clone().count() == given.clone().count()
                && wanted
                    .zip(given)
                    .all(|(wanted, given)| wanted == given || wanted.starts_with('{'))
        };
        let paths = self.root["paths"].as_object().unwrap();
        // A literal path takes precedence over a matching template.
        let literal = paths.get(path);
        let found = literal.or_else(|| Some(paths.iter().find(|(template, _)| fits(template))?.1));
        found?.get(method.to_lowercase())
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let target = self.root.pointer(reference.trim_start_matches('#'));
                self.resolve(target.unwrap_or_else(|| panic!("{reference} leads nowhere")))
            }
            None => value,
        }
    }

    fn check_query(&self, operation: &Value, query: &[(String, String)], faults: &mut Vec<String>) {
        let declared = operation["parameters"].as_array().into_iter().flatten();
        let declared: Vec<&Value> = declared.map(|parameter| self.resolve(parameter)).collect();
        let declared = || {
            declared
                .iter()
                .filter(|parameter| parameter["in"] == "query")
        };
        for (name, text) in query {
            let exact = declared().find(|parameter| parameter["name"] == name.as_str());
            let schema = exact.map(|parameter| &parameter["schema"]).or_else(|| {
                let (object, rest) = name.split_once('[')?;
                let parameter = declared().find(|parameter| parameter["name"] == object)?;
                self.member(&parameter["schema"], rest)
            });
            match schema {
                Some(schema) => {
                    faults.extend(self.check(schema, &typed(self.resolve(schema), text), name));
                }
                None => faults.push(format!("no query parameter {name}")),
            }
        }
        for parameter in declared().filter(|parameter| parameter["required"] == true) {
            if !query
                .iter()
                .any(|(name, _)| parameter["name"] == name.as_str())
            {
                faults.push(format!("query parameter {} is required", parameter["name"]));
            }
        }
    }

    /// The schema of `a][b]` or `a][]` in a `deepObject`.
    fn member<'a>(&'a self, schema: &'a Value, rest: &str) -> Option<&'a Value> {
        let (name, rest) = rest.split_once(']')?;
        let schema = self.resolve(schema);
        let inner = if name.is_empty() {
            schema.get("items")
        } else {
            schema["properties"].get(name)
        };
        match rest.strip_prefix('[') {
            Some(rest) => self.member(inner?, rest),
            None => inner,
        }
    }

    fn check_body(&self, operation: &Value, body: Option<&Value>, faults: &mut Vec<String>) {
        let declared = self.resolve(&operation["requestBody"]);
        let schema = &declared["content"]["application/json"]["schema"];
        match (body, schema.is_null()) {
            (Some(body), false) => {
                faults.extend(self.check(schema, body, "body"));
                self.check_members(schema, body, faults);
            }
            (Some(_), true) => faults.push("a body that is not declared".to_owned()),
            (None, _) if declared["required"] == true => faults.push("no body".to_owned()),
            (None, _) => {}
        }
    }

    /// The documents do not forbid unknown members; we send none.
    fn check_members(&self, schema: &Value, body: &Value, faults: &mut Vec<String>) {
        let known = self.members(schema);
        for name in body.as_object().into_iter().flat_map(serde_json::Map::keys) {
            match known.get(name.as_str()) {
                None => faults.push(format!("body has no member {name}")),
                Some(member) if self.resolve(member)["deprecated"] == true => {
                    faults.push(format!("body's member {name} is deprecated"));
                }
                Some(_) => {}
            }
        }
    }

    /// The members that an object of this schema may have, including those of the schemas that it extends.
    fn members<'a>(&'a self, schema: &'a Value) -> HashMap<&'a str, &'a Value> {
        let schema = self.resolve(schema);
        let own = schema["properties"].as_object().into_iter().flatten();
        let own = own.map(|(name, member)| (name.as_str(), member));
        let extended = schema["allOf"].as_array().into_iter().flatten();
        own.chain(extended.flat_map(|part| self.members(part)))
            .collect()
    }

    fn check(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let validator = jsonschema::draft202012::new(&self.inlined(schema)).unwrap();
        let faults = validator.iter_errors(value);
        faults
            .map(|fault| format!("{at}{}: {fault}", fault.instance_path()))
            .collect()
    }

    /// The schema with every reference replaced by its target: the whole document is too large to compile for each
    /// request.
    fn inlined(&self, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        if let Some(members) = schema.as_object() {
            let inlined = |(name, member): (&String, &Value)| (name.clone(), self.inlined(member));
            members.iter().map(inlined).collect()
        } else if let Some(items) = schema.as_array() {
            items.iter().map(|item| self.inlined(item)).collect()
        } else {
            schema.clone()
        }
    }
}

/// Converts a text of the query to the type of its schema.
fn typed(schema: &Value, text: &str) -> Value {
    let kinds = &schema["type"];
    let is = |kind: &str| {
        kinds == kind
            || kinds
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == kind))
    };
    if is("integer") || is("number") || is("boolean") {
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    } else {
        json!(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fake_cloud::Vendor;

    fn sent(method: &str, path: &str, query: &[(&str, &str)], body: Option<Value>) -> Exchange {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Exchange {
            vendor: Vendor::Telnyx,
            operation: String::new(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.iter().map(pair).collect(),
            request: body,
            status: 200,
            answer: None,
            faulted: false,
        }
    }

    #[test]
    fn what_the_document_does_not_have_is_found() {
        let Some(document) = OpenApi::load("telnyx") else {
            return;
        };
        let faults = |method, path, query: &[_], body| {
            document.faults(&sent(method, path, query, body)).len()
        };
        let profile = json!({"name": "n", "whitelisted_destinations": ["US"]});
        assert_eq!(faults("POST", "/messaging_profiles", &[], Some(profile)), 0);
        assert_eq!(
            faults(
                "POST",
                "/messaging_profiles",
                &[],
                Some(json!({"name": "n"}))
            ),
            1,
            "required"
        );
        assert_eq!(
            faults("POST", "/messaging_profiles", &[], None),
            1,
            "no body"
        );
        assert_eq!(
            faults(
                "PATCH",
                "/phone_numbers/1",
                &[],
                Some(json!({"messaging_profile_id": "x"}))
            ),
            1
        );
        assert_eq!(
            faults(
                "GET",
                "/phone_numbers",
                &[("filter[customer_reference]", "x")],
                None
            ),
            0
        );
        assert_eq!(
            faults(
                "GET",
                "/phone_numbers",
                &[("filter[messaging_profile]", "x")],
                None
            ),
            1
        );
        assert_eq!(
            faults("GET", "/phone_numbers", &[("page[size]", "251")], None),
            1,
            "too large"
        );
        assert_eq!(
            faults("PUT", "/phone_numbers", &[], None),
            1,
            "no such method"
        );
    }
}
