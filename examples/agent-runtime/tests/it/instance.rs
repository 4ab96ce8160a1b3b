//! An instance in this process, on a port and in a folder of its own.

use std::path::Path;

use agent_pool_core::settings::Environment;
use agent_pool_core::wire::runtime::Provisioned;
use agent_runtime::{Settings, serve};
use reqwest::{Client, RequestBuilder, Response, redirect};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const KEY: &str = "the-pools-key";

/// A port for one instance after another. Nobody else gets it while this exists, whether or not one listens on it.
pub(crate) struct Port(TcpSocket);

impl Port {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Without this nobody could listen on it.
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }
}

pub(crate) struct Instance {
    pub(crate) url: String,
    pub(crate) http: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<anyhow::Result<()>>,
}

impl Instance {
    pub(crate) async fn start<const N: usize>(folder: &Path, more: [(&str, &str); N]) -> Self {
        Self::start_at("127.0.0.1:0", folder, more).await
    }

    pub(crate) async fn start_on(port: &Port, folder: &Path) -> Self {
        let address = port.0.local_addr().unwrap().to_string();
        Self::start_at(&address, folder, []).await
    }

    async fn start_at<const N: usize>(
        address: &str,
        folder: &Path,
        more: [(&str, &str); N],
    ) -> Self {
        let mut environment = Environment::from_iter([("POOL_API_KEY", KEY)]);
        environment.set("INSTANCE_DATA_DIR", folder.to_str().unwrap());
        for (name, value) in more {
            environment.set(name, value);
        }
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let settings = Settings::read(&environment).unwrap();
        let served = tokio::spawn(serve(settings, listener, async {
            let _ = stopped.await;
        }));
        let http = agent_pool_core::http::bare_builder().redirect(redirect::Policy::none());
        let http = http.build().unwrap();
        Self {
            url,
            http,
            stop,
            served,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    pub(crate) fn provision(&self, body: &Value) -> RequestBuilder {
        let url = format!("{}/pool/provision", self.url);
        self.http.post(url).bearer_auth(KEY).json(body)
    }

    /// Makes the instance the agent Tulip, and returns its invite URL.
    pub(crate) async fn become_tulip(&self) -> String {
        let body = json!({ "agentName": "Tulip", "instructions": "Be kind." });
        let provisioned = self.provision(&body).send().await.unwrap();
        let provisioned: Provisioned = provisioned.json().await.unwrap();
        provisioned.invite_url.unwrap()
    }

    pub(crate) async fn say(&self, invite: &str, text: &str) -> Response {
        form(&self.http, invite, text).send().await.unwrap()
    }

    pub(crate) async fn page(&self, invite: &str) -> String {
        self.http
            .get(invite)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }
}

/// What a browser sends when a person says `text`.
pub(crate) fn form(http: &Client, invite: &str, text: &str) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("text", text)
        .finish();
    http.post(invite)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}
