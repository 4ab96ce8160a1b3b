//! Handles every request: authentication, routing, authorization, execution.

use hyper::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::state::State;
use super::status::{no_namespace, not_found, refuse, too_many};
use super::target::{Key, Resource, Target};
use crate::http::{Answer, Request};

impl State {
    /// Answers one request.
    pub(super) fn respond(&mut self, request: &Request) -> Answer {
        if request.bearer() != Some(self.options.token.as_str()) {
            return refuse(401, "Unauthorized", "Unauthorized");
        }
        if self.throttled > 0 {
            self.throttled -= 1;
            return too_many();
        }
        let path: Vec<String> = request.path.split('/').skip(1).map(decoded).collect();
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let Some(target) = Target::parse(&segments) else {
            self.faults
                .push(format!("no such path: {} {}", request.method, request.path));
            return Answer::text(
                hyper::StatusCode::NOT_FOUND,
                "text/plain",
                "404 page not found\n",
            );
        };
        self.carry_out(request, &target)
            .unwrap_or_else(|refusal| refusal)
    }

    fn carry_out(&mut self, request: &Request, target: &Target) -> Result<Answer, Answer> {
        match (&request.method, target) {
            (&Method::GET, Target::Version) => {
                Ok(Answer::ok(json!({ "major": "1", "minor": "33" })))
            }
            (&Method::POST, Target::Review) => Ok(self.review(request)),
            (&Method::GET, Target::Namespace(name)) => {
                self.allow("get", "", "namespaces", name)?;
                self.namespace(name)
            }
            (&Method::GET, Target::Collection(resource, namespace)) => {
                self.allow("list", resource.group(), resource.plural(), namespace)?;
                self.list(request, *resource, namespace)
            }
            (&Method::GET, Target::Object(key)) => {
                self.allow_on("get", key)?;
                let object = self.objects.get(key).ok_or_else(|| not_found(key))?;
                Ok(Answer::ok(object.value.clone()))
            }
            (&Method::PATCH, Target::Object(key)) => {
                self.allow_on("patch", key)?;
                self.patch(request, key)
            }
            (&Method::DELETE, Target::Object(key)) => {
                self.allow_on("delete", key)?;
                self.delete(request, key)
            }
            (&Method::GET, Target::Log(namespace, name)) => {
                self.allow("get", "", "pods/log", namespace)?;
                self.log(request, &(Resource::Pods, namespace.clone(), name.clone()))
            }
            (method, _) => {
                self.faults
                    .push(format!("not served here: {method} {}", request.path));
                Err(refuse(
                    405,
                    "MethodNotAllowed",
                    "the server does not allow this method on the requested resource",
                ))
            }
        }
    }

    fn allow_on(&self, verb: &str, key: &Key) -> Result<(), Answer> {
        let (resource, namespace, _) = key;
        self.allow(verb, resource.group(), resource.plural(), namespace)
    }

    fn namespace(&self, name: &str) -> Result<Answer, Answer> {
        if self.options.namespaces.iter().any(|known| known == name) {
            let body: Value =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            return Ok(Answer::ok(body));
        }
        Err(no_namespace(name))
    }
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
