//! What an instance keeps across restarts: its agent and its conversation.
//!
//! One file of mode 0600 in the data folder, replaced by renaming, so that a process that dies at any
//! point leaves the old or the new content. It is not synced to the disk on every message: a power cut
//! may lose the last seconds.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_pool_core::wire::runtime::ProvisionRequest;
use agent_pool_core::{EnvVars, Secret};
use anyhow::Context;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::conversation::{Conversation, Message};

/// The agent that a claim turned the instance into.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Agent {
    pub(crate) request: ProvisionRequest,
    pub(crate) conversation_id: String,
    /// The secret part of the invite URL.
    token: String,
    /// The conversation that it joined, once it has.
    pub(crate) joined: Option<String>,
}

impl Agent {
    fn new(request: ProvisionRequest) -> Self {
        Self {
            request,
            conversation_id: nanoid::nanoid!(12),
            token: nanoid::nanoid!(32),
            joined: None,
        }
    }

    pub(crate) fn token(&self) -> Secret {
        Secret::new(self.token.as_str())
    }
}

/// The instance already runs another agent.
pub(crate) struct Taken;

#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) agent: Option<Agent>,
    #[serde(default)]
    pub(crate) conversation: Conversation,
    /// When somebody last said something to the agent.
    #[serde(default)]
    pub(crate) last_activity: Option<DateTime<Utc>>,
    /// Variables that were delivered since the last deployment.
    #[serde(
        default,
        skip_serializing_if = "EnvVars::is_empty",
        serialize_with = "EnvVars::expose_all"
    )]
    pub(crate) variables: EnvVars,
}

impl Saved {
    /// Adds a message of a person.
    pub(crate) fn hear(&mut self, text: String) {
        self.conversation.say(Message::Person { text });
        self.last_activity = Some(Utc::now());
    }

    /// Makes the instance this agent. A repeated request returns the existing agent.
    pub(crate) fn become_agent(&mut self, request: ProvisionRequest) -> Result<Agent, Taken> {
        let agent = self
            .agent
            .get_or_insert_with(|| Agent::new(request.clone()));
        if agent.request == request {
            Ok(agent.clone())
        } else {
            Err(Taken)
        }
    }

    /// Forgets an agent that has not joined its conversation.
    pub(crate) fn reset(&mut self) -> Result<(), Taken> {
        let is_in_conversation =
            |agent: &Agent| agent.request.join_url.is_none() || agent.joined.is_some();
        if self.agent.as_ref().is_some_and(is_in_conversation) {
            return Err(Taken);
        }
        *self = Self::default();
        Ok(())
    }

    /// Applies the agent in the environment: after a restart of a configured claim, after the loss of the data folder,
    /// or after a change of its instructions.
    fn configure(&mut self, request: ProvisionRequest) {
        match &mut self.agent {
            Some(agent) => {
                if agent.request.join_url != request.join_url {
                    agent.joined = None;
                }
                agent.request = request;
            }
            None => self.agent = Some(Agent::new(request)),
        }
    }
}

pub(crate) struct Store {
    path: PathBuf,
    saved: Arc<Mutex<Saved>>,
}

impl Store {
    /// Opens the folder, and creates it if it does not exist. `deployed` is a variable that the deployment has set: it
    /// is newer than a stored one. Blocks; call it only at start.
    pub(crate) fn open(
        folder: &Path,
        configured: Option<ProvisionRequest>,
        deployed: Option<&str>,
    ) -> anyhow::Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("cannot create data folder {}", folder.display()))?;
        let path = folder.join("agent.json");
        let mut saved = load(&path).with_context(|| format!("reading {}", path.display()))?;
        if let Some(newer) = deployed {
            let came = saved.variables.iter();
            let kept = came.filter(|(name, _)| name.as_str() != newer);
            saved.variables = kept
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
        }
        if let Some(request) = configured {
            saved.configure(request);
            replace(&path, &saved).with_context(|| format!("writing {}", path.display()))?;
        }
        let saved = Arc::new(Mutex::new(saved));
        Ok(Self { path, saved })
    }

    pub(crate) async fn read<T>(&self, look: impl FnOnce(&Saved) -> T) -> T {
        look(&*self.saved.lock().await)
    }

    /// Changes the stored state, on disk first. Once begun it finishes, even if the caller hangs up.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Saved) -> T + Send + 'static,
    ) -> io::Result<T> {
        let mut saved = Arc::clone(&self.saved).lock_owned().await;
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut next = saved.clone();
            let answer = change(&mut next);
            replace(&path, &next)?;
            *saved = next;
            Ok(answer)
        });
        done.await.map_err(io::Error::other)?
    }
}

fn load(path: &Path) -> io::Result<Saved> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Saved::default()),
        Err(error) => Err(error),
    }
}

fn replace(path: &Path, saved: &Saved) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(&serde_json::to_vec(saved)?)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn request(name: &str, instructions: &str) -> ProvisionRequest {
        let body = serde_json::json!({ "agentName": name, "instructions": instructions });
        serde_json::from_value(body).unwrap()
    }

    async fn become_tulip(store: &Store) -> Agent {
        let change = store.change(|saved| saved.become_agent(request("Tulip", "Be kind.")));
        change.await.unwrap().ok().unwrap()
    }

    #[tokio::test]
    async fn agent_and_conversation_are_there_again_and_nobody_else_can_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None, None).unwrap();
        let before = become_tulip(&store).await;
        let said = store.change(|saved| saved.hear("hello".to_owned()));
        said.await.unwrap();

        let again = Store::open(folder.path(), None, None).unwrap();
        let saved = again.read(Saved::clone).await;
        assert!(saved.last_activity.is_some());
        assert_eq!(saved.agent.unwrap().token(), before.token());
        assert_eq!(saved.conversation.messages().len(), 1);
        let file = fs::metadata(folder.path().join("agent.json")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn configured_instructions_replace_the_old_and_keep_the_invitation() {
        let folder = tempfile::tempdir().unwrap();
        let before = become_tulip(&Store::open(folder.path(), None, None).unwrap()).await;
        let configured = request("Tulip", "Be brief.");
        let store = Store::open(folder.path(), Some(configured.clone()), None).unwrap();
        let agent = store.read(|saved| saved.agent.clone()).await.unwrap();
        assert_eq!(agent.token(), before.token());
        assert_eq!(agent.request, configured);
    }

    #[tokio::test]
    async fn a_failed_write_changes_no_state() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None, None).unwrap();
        fs::remove_dir(folder.path()).unwrap();
        let change = store.change(|saved| saved.become_agent(request("Tulip", "Be kind.")).is_ok());
        assert!(change.await.is_err());
        assert!(store.read(|saved| saved.agent.is_none()).await);
    }

    #[test]
    fn a_damaged_file_stops_the_start_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("agent.json"), "{").unwrap();
        let error = Store::open(folder.path(), None, None).err().unwrap();
        assert!(format!("{error:#}").contains("agent.json"), "{error:#}");
    }
}
