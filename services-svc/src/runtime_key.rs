//! The key of an instance's runtime, as it is stored.
//!
//! Each instance has its own key, so that the agent, which reads untrusted text, has no key of our services.

use agent_pool_core::{InstanceId, Secret};
use agent_pool_service_kit::cipher::{Cipher, CipherError, Owner};

/// The variable in which an instance finds the key that its callers present.
pub(crate) const VARIABLE: &str = "POOL_API_KEY";

/// The text to store.
pub(crate) fn seal(
    cipher: &Cipher,
    instance: &InstanceId,
    key: &Secret,
) -> Result<String, CipherError> {
    cipher.seal(Owner(&[instance.as_str(), VARIABLE]), key)
}

/// The text to store instead, if the stored one is not sealed with the newest key.
pub(crate) fn reseal(
    cipher: &Cipher,
    instance: &str,
    text: &str,
) -> Result<Option<String>, CipherError> {
    cipher.reseal(Owner(&[instance, VARIABLE]), text)
}

/// The key of a stored text.
pub(crate) fn open(
    cipher: &Cipher,
    instance: &InstanceId,
    text: &str,
) -> Result<Secret, CipherError> {
    cipher.open(Owner(&[instance.as_str(), VARIABLE]), text)
}
