//! Inboxes: idempotent by `client_id`, limited by the plan, identified by their address.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{AgentMail, AgentMailInbox};
use super::{AfterDelete, error, page};
use crate::api::read;
use crate::given::Given;
use crate::http::{Answer, BodyFault, Call};
use crate::time;

const DEFAULT_DOMAIN: &str = "agentmail.to";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewInbox {
    username: Option<String>,
    domain: Option<String>,
    display_name: Option<String>,
    client_id: Option<String>,
    metadata: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InboxPatch {
    display_name: Option<String>,
    #[serde(default)]
    metadata: Given<BTreeMap<String, Value>>,
}

impl AgentMail {
    /// 200 and not 201 [S]. A used `client_id` returns the original; the rest of the request is ignored [D].
    pub(crate) fn create_inbox(&mut self, call: &Call) -> Result<Answer, Answer> {
        let pod = self.pod_id.clone();
        self.create_inbox_in(pod, call)
    }

    pub(crate) fn create_pod_inbox(&mut self, call: &Call) -> Result<Answer, Answer> {
        let pod = self.pod(call)?;
        self.create_inbox_in(pod, call)
    }

    fn pod(&self, call: &Call) -> Result<String, Answer> {
        let pod = call.segment(0);
        let known = pod == self.pod_id || self.options.pods.iter().any(|one| one == pod);
        known
            .then(|| pod.to_owned())
            .ok_or_else(|| error::not_found("Pod"))
    }

    fn create_inbox_in(&mut self, pod: String, call: &Call) -> Result<Answer, Answer> {
        let new: NewInbox = read::<Self, _>(call)?;
        check(&new)?;
        if let Some(answer) = self.replay(new.client_id.as_deref()) {
            return answer;
        }
        let domain = self.domain(new.domain.as_deref())?;
        let username = new
            .username
            .unwrap_or_else(|| self.ids.word(12))
            .to_lowercase();
        let address = format!("{username}@{domain}");
        if self.inbox(&address).is_some() {
            let text = "This address is taken";
            return Err(error::refuse(403, "resource_taken", text));
        }
        if self.held.inboxes.len() >= self.options.inbox_limit {
            // An exceeded quota is a 403, like a taken address [O].
            let text = "Inbox limit of your plan reached";
            return Err(error::refuse(403, "limit_exceeded", text));
        }
        let now = time::now();
        let inbox = AgentMailInbox {
            inbox_id: address.clone(),
            pod_id: pod,
            email: address,
            display_name: new.display_name,
            client_id: new.client_id.clone(),
            metadata: new.metadata,
            created_at: now.clone(),
            updated_at: now,
        };
        if let Some(client_id) = new.client_id {
            self.replays.insert(client_id, inbox.clone());
        }
        self.held.inboxes.push(inbox.clone());
        Ok(Answer::ok(json!(inbox)))
    }

    fn replay(&self, client_id: Option<&str>) -> Option<Result<Answer, Answer>> {
        let original = self.replays.get(client_id?)?;
        match (self.inbox(&original.inbox_id), self.options.after_delete) {
            (Some(inbox), _) if inbox.client_id == original.client_id => {
                Some(Ok(Answer::ok(json!(inbox))))
            }
            (_, AfterDelete::Forget) => None,
            (_, AfterDelete::Replay) => Some(Ok(Answer::ok(json!(original)))),
            (_, AfterDelete::Conflict) => {
                let text = "client_id was used by a deleted resource";
                Some(Err(error::refuse(403, "resource_taken", text)))
            }
        }
    }

    /// A custom domain must be verified; a subdomain must be enabled [D].
    fn domain(&self, asked: Option<&str>) -> Result<String, Answer> {
        let Some(asked) = asked.filter(|domain| *domain != DEFAULT_DOMAIN) else {
            return Ok(DEFAULT_DOMAIN.to_owned());
        };
        let among = |list: &[String]| list.iter().any(|known| known == asked);
        if among(&self.options.domains) {
            return Ok(asked.to_owned());
        }
        if among(&self.options.unverified_domains) {
            let text = "Domain is not verified";
            return Err(error::refuse(403, "domain_not_verified", text));
        }
        let text = "Domain is not one of your organization's";
        Err(error::refuse(422, "unprocessable", text))
    }

    pub(crate) fn list_inboxes(&mut self, call: &Call) -> Result<Answer, Answer> {
        let scope = self.scope(&call.key);
        let seen = self
            .held
            .inboxes
            .iter()
            .filter(|inbox| scope.is_none_or(|id| id == inbox.inbox_id));
        let own = seen.map(|inbox| json!(inbox));
        let items = own.chain(self.foreign.iter().cloned()).collect();
        page::page("inboxes", items, call, self.options.page_size)
    }

    pub(crate) fn list_pod_inboxes(&mut self, call: &Call) -> Result<Answer, Answer> {
        let pod = self.pod(call)?;
        let inboxes = self.held.inboxes.iter().filter(|inbox| inbox.pod_id == pod);
        let items = inboxes.map(|inbox| json!(inbox)).collect();
        page::page("inboxes", items, call, self.options.page_size)
    }

    /// The index of an inbox that the caller may see; one outside its scope is a 404 too [D].
    pub(crate) fn find(&self, call: &Call) -> Result<usize, Answer> {
        let id = call.segment(0);
        let hidden = self.scope(&call.key).is_some_and(|scope| scope != id);
        let place = self
            .held
            .inboxes
            .iter()
            .position(|inbox| inbox.inbox_id == id);
        place
            .filter(|_| !hidden)
            .ok_or_else(|| error::not_found("Inbox"))
    }

    pub(crate) fn get_inbox(&mut self, call: &Call) -> Result<Answer, Answer> {
        let place = self.find(call)?;
        Ok(Answer::ok(json!(self.held.inboxes[place])))
    }

    /// Metadata is merged, null clears it or one entry, an empty object is refused [S].
    pub(crate) fn update_inbox(&mut self, call: &Call) -> Result<Answer, Answer> {
        let patch: InboxPatch = read::<Self, _>(call)?;
        if matches!(&patch.metadata, Given::Value(map) if map.is_empty()) {
            return Err(error::body(&BodyFault::value(
                "metadata",
                "must not be empty",
            )));
        }
        let place = self.find(call)?;
        let inbox = &mut self.held.inboxes[place];
        if patch.display_name.is_some() {
            inbox.display_name = patch.display_name;
        }
        match patch.metadata {
            Given::Absent => {}
            Given::Null => inbox.metadata = None,
            Given::Value(map) => {
                let kept = inbox.metadata.get_or_insert_default();
                kept.extend(map);
                kept.retain(|_, value| !value.is_null());
            }
        }
        inbox.updated_at = time::now();
        Ok(Answer::ok(json!(inbox)))
    }

    /// The inbox's keys are deleted with it. A repeated call answers 404 [S].
    pub(crate) fn delete_inbox(&mut self, call: &Call) -> Result<Answer, Answer> {
        let place = self.find(call)?;
        let gone = self.held.inboxes.remove(place);
        self.held
            .api_keys
            .retain(|key| key.inbox_id != gone.inbox_id);
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }
}

fn check(new: &NewInbox) -> Result<(), Answer> {
    let bad = |field: &str, text: &str| Err(error::body(&BodyFault::value(field, text)));
    // 1 to 256 unreserved characters, no `@` [D].
    let fits =
        |id: &str| (1..=256).contains(&id.len()) && id.bytes().all(|b| plain(b) || b == b'~');
    if new.client_id.as_deref().is_some_and(|id| !fits(id)) {
        return bad("client_id", "must be 1 to 256 of A-Z a-z 0-9 - . _ ~");
    }
    let name = |text: &str| !text.is_empty() && text.len() <= 64 && text.bytes().all(plain);
    if new.username.as_deref().is_some_and(|text| !name(text)) {
        return bad("username", "must be the local part of an address");
    }
    let scalar =
        |v: &Value| v.is_number() || v.is_boolean() || v.as_str().is_some_and(|s| s.len() <= 256);
    let metadata = new.metadata.iter().flatten();
    match metadata.into_iter().find(|(_, value)| !scalar(value)) {
        Some((key, _)) => bad(
            &format!("metadata.{key}"),
            "must be a string, number or boolean",
        ),
        None => Ok(()),
    }
}

const fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}
