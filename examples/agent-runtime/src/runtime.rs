//! One running instance: the state that all handlers share.

use std::time::Duration;

use agent_pool_core::Secret;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use anyhow::Context;
use tokio::sync::Mutex;
use url::Url;

use crate::client::LazyClient;
use crate::llm::Llm;
use crate::settings::Settings;
use crate::store::{Agent, Store};

pub(crate) struct Runtime {
    keys: Vec<Secret>,
    /// How long a join waits to be accepted.
    pub(crate) approval: Option<Duration>,
    public_url: Url,
    pub(crate) store: Store,
    settings: Settings,
    /// Held from a message until its answer, so that messages and answers alternate.
    pub(crate) turn: Mutex<()>,
    pub(crate) http: LazyClient,
}

impl Runtime {
    /// Blocks while it reads the data folder; call it only at start.
    pub(crate) fn start(settings: &Settings, port: u16) -> anyhow::Result<Self> {
        let public_url = settings.public_url(port);
        Ok(Self {
            keys: settings.pool_keys(),
            approval: settings.join_approval_ms.map(Duration::from_millis),
            public_url: public_url.context("RAILWAY_PUBLIC_DOMAIN is not a host")?,
            store: Store::open(
                &settings.data_dir(),
                settings.configured_agent(),
                settings.openrouter_api_key.as_ref().map(|_| Llm::KEY),
            )?,
            settings: settings.clone(),
            turn: Mutex::default(),
            http: LazyClient::default(),
        })
    }

    /// The instance's own key, for calls of the pool.
    pub(crate) fn own_key(&self) -> Option<&Secret> {
        self.keys.first()
    }

    pub(crate) fn knows(&self, key: &Secret) -> bool {
        self.keys.contains(key)
    }

    /// The language model, with the newest key. A key in the environment is newer than one delivered before the start.
    pub(crate) async fn llm(&self) -> Llm {
        let came = self
            .store
            .read(|saved| saved.variables.get(Llm::KEY).cloned());
        let key = came
            .await
            .or_else(|| self.settings.openrouter_api_key.clone());
        Llm::new(&self.settings, key)
    }

    /// Where people talk to the agent.
    pub(crate) fn invite_url(&self, agent: &Agent) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(&format!("c/{}", agent.token().expose()));
        url
    }

    /// The agent that this token invites to.
    pub(crate) async fn invited(&self, token: &str) -> Result<Agent, Problem> {
        let token = Secret::new(token);
        let agent = self.store.read(|saved| saved.agent.clone()).await;
        agent.filter(|agent| agent.token() == token).ok_or_else(|| {
            let detail = "no conversation here: check that the link is complete";
            Problem::new(ProblemCode::UnknownConversation, detail)
        })
    }
}
