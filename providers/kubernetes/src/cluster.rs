//! The connection to the API server, and the calls to it.

use std::fmt;
use std::time::Duration;

use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{Context, ErrorKind, ProviderError};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams};
use kube::client::Body;
use kube::core::Request;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::connection::{Access, Connection};
use crate::fault::{self, Call};
use crate::kind::Kind;
use crate::names::FIELD_MANAGER;
use crate::settings::Settings;

/// Time limit of one call if the context has no deadline.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// One namespace of a cluster. The connection is made on first use.
pub(crate) struct Cluster {
    access: Access,
    connection: OnceCell<Connection>,
}

/// An answer of the API server.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl fmt::Debug for Cluster {
    /// Omits the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Cluster {
    /// Reads the kubeconfig or the pod's service account, without a call to the API server.
    pub(crate) fn new(
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            access: Access::read(settings, environment)?,
            connection: OnceCell::new(),
        })
    }

    async fn connection(&self) -> Result<&Connection, ProviderError> {
        self.connection
            .get_or_try_init(|| self.access.connect())
            .await
    }

    /// The namespace of the instances.
    pub(crate) async fn namespace(&self) -> Result<&str, ProviderError> {
        Ok(&self.connection().await?.namespace)
    }

    /// The host of the API server's address.
    pub(crate) async fn server_host(&self) -> Result<&str, ProviderError> {
        let server = &self.connection().await?.server;
        Ok(server.host().unwrap_or_default())
    }

    /// Finds one object; `None` if no object has this name.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        cx: &Context,
        call: &Call<'_>,
    ) -> Result<Option<T>, ProviderError> {
        let request = at(call).get(call.name, &GetParams::default());
        match self.send(cx, call, request).await {
            Ok(body) => parse(call, &body).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Applies a manifest with our field manager. Fields that others have set become ours.
    pub(crate) async fn apply<T: DeserializeOwned>(
        &self,
        cx: &Context,
        kind: &Kind,
        namespace: &str,
        manifest: &Value,
    ) -> Result<T, ProviderError> {
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
        let call = Call::new("patch", kind, namespace, name);
        let params = PatchParams::apply(FIELD_MANAGER)
            .force()
            .validation_strict();
        let request = at(&call).patch(name, &params, &Patch::Apply(manifest));
        parse(&call, &self.send(cx, &call, request).await?)
    }

    /// Changes the members of an object that the patch names, in one step.
    pub(crate) async fn merge(
        &self,
        cx: &Context,
        call: &Call<'_>,
        patch: &Value,
    ) -> Result<(), ProviderError> {
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default().validation_strict()
        };
        let request = at(call).patch(call.name, &params, &Patch::Merge(patch));
        self.send(cx, call, request).await.map(drop)
    }

    /// Starts a deletion. The object exists until everything that it owns is deleted.
    pub(crate) async fn delete(&self, cx: &Context, call: &Call<'_>) -> Result<(), ProviderError> {
        let request = at(call).delete(call.name, &DeleteParams::foreground());
        self.send(cx, call, request).await.map(drop)
    }

    /// Sends a request that was already built, and returns the body of its answer. `request` may be the error of
    /// building it.
    pub(crate) async fn send(
        &self,
        cx: &Context,
        call: &Call<'_>,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Vec<u8>, ProviderError> {
        let answer = self.exchange(cx, call, request).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(fault::refused(
            call,
            answer.status,
            &answer.headers,
            &answer.body,
        ))
    }

    /// Whether the namespace exists. The permission to get the namespace of this name is sufficient.
    pub(crate) async fn namespace_exists(
        &self,
        cx: &Context,
        name: &str,
    ) -> Result<bool, ProviderError> {
        const NAMESPACE: Kind = Kind {
            plural: "namespaces",
            kind: "Namespace",
            ..crate::kind::POD
        };
        let call = Call::new("get", &NAMESPACE, name, name);
        let request = Request::new("/api/v1/namespaces").get(name, &GetParams::default());
        match self.send(cx, &call, request).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Runs one request within the context's deadline.
    pub(crate) async fn exchange(
        &self,
        cx: &Context,
        call: &Call<'_>,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Answer, ProviderError> {
        let Connection { client, server, .. } = self.connection().await?;
        let request = request.map_err(|error| {
            ErrorKind::Invalid
                .because(format!("{call} makes no request"))
                .with_source(error)
        })?;
        let exchange = async {
            let answer = client.send(request.map(Body::from)).await;
            let (head, body) = answer
                .map_err(|error| fault::unreachable(server, error))?
                .into_parts();
            let body = body
                .collect()
                .await
                .map_err(|error| fault::unreachable(server, error))?;
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: body.to_bytes().to_vec(),
            })
        };
        let limit = cx.remaining().unwrap_or(CALL_LIMIT).min(CALL_LIMIT);
        tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| {
                let waited = limit.as_millis();
                let message =
                    format!("the API server at {server} did not answer within {waited} ms");
                Err(ErrorKind::Unavailable.because(message))
            })
    }
}

/// Requests for objects of the call's kind.
pub(crate) fn at(call: &Call<'_>) -> Request {
    Request::new(call.kind.path(call.namespace))
}

pub(crate) fn parse<T: DeserializeOwned>(call: &Call<'_>, body: &[u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!(
            "the answer to {call} cannot be understood: line {} column {}",
            error.line(),
            error.column()
        );
        ErrorKind::Protocol.because(message)
    })
}
