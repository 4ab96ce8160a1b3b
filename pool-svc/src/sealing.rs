//! Texts that are as good as passwords, sealed at rest: invite links, instructions, keys of runtimes.

use agent_pool_core::wire::pool::InstanceView;
use agent_pool_core::{InstanceId, Secret, chain};
use agent_pool_service_kit::cipher::{Cipher, CipherError, Owner};
use tracing::warn;

/// A column of table `instances` with such a text. Its name is authenticated with the sealed text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    InviteUrl,
    Instructions,
    RuntimeKey,
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::InviteUrl => "invite_url",
            Self::Instructions => "instructions",
            Self::RuntimeKey => "runtime_key",
        }
    }
}

/// The text to store.
pub(crate) fn seal(cipher: &Cipher, id: &InstanceId, column: Column, text: &str) -> String {
    let owner = [id.as_str(), column.name()];
    let sealed = cipher.seal(Owner(&owner), &Secret::new(text));
    sealed.expect("a text that fits into a request can be sealed")
}

/// The text of a stored one.
pub(crate) fn open(
    cipher: &Cipher,
    id: &InstanceId,
    column: Column,
    stored: &str,
) -> Result<Secret, CipherError> {
    cipher.open(Owner(&[id.as_str(), column.name()]), stored)
}

/// The view of an instance with its invite link in the clear; without one if no key opens it.
pub(crate) fn open_view(cipher: &Cipher, view: InstanceView) -> InstanceView {
    let open = |stored: &String| match open(cipher, &view.id, Column::InviteUrl, stored) {
        Ok(link) => Some(link.expose().to_owned()),
        Err(error) => {
            let id = &view.id;
            warn!(instance.id = %id, error.chain = chain(&error), "the invite of instance {id} is lost");
            None
        }
    };
    InstanceView {
        invite_url: view.invite_url.as_ref().and_then(open),
        ..view
    }
}
