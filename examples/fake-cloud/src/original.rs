//! The resources that the Node.js original creates at the vendors for one instance, under its own names.

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::FakeCloud;
use crate::http::{Answer, Request};

/// Where the original puts an instance on Railway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginalShape {
    /// In a project shared by all instances.
    OneProject,
    /// In its own project.
    ProjectEach,
}

/// The resources of one instance, by the ids that the original has in its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalResources {
    /// Railway's project.
    pub project: String,
    /// Its environment.
    pub environment: String,
    /// Its service, which has a volume.
    pub service: String,
    /// The address of the instance.
    pub url: String,
    /// The hash of its OpenRouter key.
    pub key_hash: String,
    /// The id of its inbox.
    pub inbox: String,
}

impl FakeCloud {
    /// Creates an instance as the original does: a service `convos-agent-ID` with a volume and a domain, a key and an
    /// inbox. Its runtime knows `runtime_key`.
    ///
    /// # Errors
    /// The answer of a vendor that refuses.
    pub async fn make_original(
        &self,
        id: &str,
        shape: OriginalShape,
        runtime_key: &str,
    ) -> Result<OriginalResources, Value> {
        let name = format!("convos-agent-{id}");
        let (project, environment) = match shape {
            OriginalShape::OneProject => (self.railway_project_id(), self.railway_environment_id()),
            OriginalShape::ProjectEach => self.make_project(&name).await?,
        };
        let input = json!({"projectId": project, "environmentId": environment, "name": name});
        let query = "mutation($i: ServiceCreateInput!) { serviceCreate(input: $i) { id } }";
        let made = self.railway(query, json!({ "i": input })).await?;
        let service = text(&made["serviceCreate"]["id"]);
        let query = "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }";
        let input = json!({"projectId": project, "environmentId": environment, "serviceId": service, "mountPath": "/data"});
        self.railway(query, json!({ "i": input })).await?;
        let query = "mutation($s: String!, $e: String!) {
            serviceDomainCreate(input: {serviceId: $s, environmentId: $e}) { domain } }";
        let ids = json!({"s": service, "e": environment});
        let made = self.railway(query, ids).await?;
        let url = text(&made["serviceDomainCreate"]["domain"]);
        let query = "mutation($e: String!, $p: EnvironmentConfig!) {
            environmentPatchCommit(environmentId: $e, patch: $p) }";
        let variables = json!({"POOL_API_KEY": {"value": runtime_key}});
        let block = json!({"source": {"image": "agent:1"}, "variables": variables});
        let patch = json!({"services": {(&service): block}});
        self.railway(query, json!({"e": environment, "p": patch}))
            .await?;
        let options = self.options();
        let management = &options.openrouter.management_keys[0];
        let path = "/openrouter/api/v1/keys";
        let key = self.post(path, management, json!({"name": name})).await?;
        let owner = &options.agentmail.api_keys[0];
        let inbox = json!({"client_id": format!("assistant-{id}")});
        let inbox = self.post("/agentmail/v0/inboxes", owner, inbox).await?;
        Ok(OriginalResources {
            project,
            environment,
            service,
            url,
            key_hash: text(&key["data"]["hash"]),
            inbox: text(&inbox["inbox_id"]),
        })
    }

    async fn make_project(&self, name: &str) -> Result<(String, String), Value> {
        let query = "mutation($i: ProjectCreateInput!) { projectCreate(input: $i) {
            id environments(first: 1) { edges { node { id } } } } }";
        let input = json!({"name": name, "workspaceId": self.railway_workspace_id()});
        let made = self.railway(query, json!({ "i": input })).await?;
        let project = &made["projectCreate"];
        let environment = &project["environments"]["edges"][0]["node"]["id"];
        Ok((text(&project["id"]), text(environment)))
    }

    async fn railway(&self, query: &str, variables: Value) -> Result<Value, Value> {
        let body = json!({"query": query, "variables": variables});
        let token = &self.options().railway.tokens.workspace;
        let mut answer = self.post("/railway/graphql/v2", token, body).await?;
        if answer["errors"].is_null() {
            Ok(answer["data"].take())
        } else {
            Err(answer)
        }
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> Result<Value, Value> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        if let Ok(value) = HeaderValue::from_str(&format!("Bearer {key}")) {
            headers.insert(AUTHORIZATION, value);
        }
        let request = Request {
            method: Method::POST,
            path: path.to_owned(),
            query: Vec::new(),
            headers,
            body: Bytes::from(body.to_string()),
        };
        let answer = self.answer(request).await;
        let body = answer.as_ref().and_then(Answer::body);
        let body = body.cloned().unwrap_or_default();
        match answer {
            Some(answer) if answer.status.is_success() => Ok(body),
            _ => Err(body),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
