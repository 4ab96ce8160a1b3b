//! A conversation: its messages, and how many of them are kept.

use agent_pool_core::wire::{AgentName, InviteUrl};
use serde::{Deserialize, Serialize};

/// Maximum length of a message, in characters.
pub(crate) const MAX_MESSAGE_CHARS: usize = 4_000;

/// Maximum number of stored messages; older ones are removed, so that the data folder does not grow without limit.
const MAX_KEPT: usize = 500;

/// One message, as it is shown and stored.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub(crate) enum Message {
    /// What a person said.
    Person { text: String },
    /// What the agent answered.
    Agent { text: String },
    /// Why the agent could not answer.
    Fault { text: String },
    /// Another agent that joined, and where to talk to it.
    Guest { name: AgentName, url: InviteUrl },
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Conversation(Vec<Message>);

impl Conversation {
    pub(crate) fn say(&mut self, message: Message) {
        self.0.push(message);
        let surplus = self.0.len().saturating_sub(MAX_KEPT);
        self.0.drain(..surplus);
    }

    /// Adds a guest, unless it was added before: a guest whose answer was lost repeats its request.
    pub(crate) fn welcome(&mut self, name: AgentName, url: InviteUrl) {
        let guest = Message::Guest { name, url };
        if !self.0.contains(&guest) {
            self.say(guest);
        }
    }

    pub(crate) fn messages(&self) -> &[Message] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(text: usize) -> Message {
        let text = text.to_string();
        Message::Person { text }
    }

    #[test]
    fn the_oldest_messages_go_first() {
        let mut conversation = Conversation::default();
        for number in 0..MAX_KEPT + 3 {
            conversation.say(person(number));
        }
        assert_eq!(conversation.messages().len(), MAX_KEPT);
        assert!(conversation.messages()[0] == person(3));
    }

    #[test]
    fn a_guest_that_asks_twice_is_there_once() {
        let mut conversation = Conversation::default();
        let guest = || {
            (
                AgentName::try_from("Rose".to_owned()).unwrap(),
                InviteUrl::try_from("http://127.0.0.1:1/c/t".to_owned()).unwrap(),
            )
        };
        for _ in 0..2 {
            let (name, url) = guest();
            conversation.welcome(name, url);
        }
        assert_eq!(conversation.messages().len(), 1);
    }
}
