//! The keys of instances' runtimes, and calls that present them.
//!
//! An instance has its own key, which Services makes with it. An older instance accepts one of the operators' keys;
//! during a rotation it is unknown which one, so all are tried. The same holds for an instance taken over from the
//! original, which gave instances keys before their runtimes accepted them. A refused key is our fault, never the fault
//! of the instance.

use agent_pool_client::CallError;
use agent_pool_core::{InstanceId, Secret, chain};
use agent_pool_service_kit::cipher::CipherError;
use metrics::counter;
use tracing::{debug, warn};

use crate::app::App;
use crate::db::row::Maker;
use crate::db::sealed::Column;

/// Seals the key of an instance for storage.
pub(crate) fn seal(app: &App, id: &InstanceId, key: &Secret) -> Result<String, CipherError> {
    Column::RUNTIME_KEY.seal(&app.config.cipher, id.as_str(), key)
}

/// The keys to try, in order: the instance's own, or the operators' if it has none. Empty if the stored key cannot be
/// decrypted.
pub(crate) fn candidates(app: &App, id: &InstanceId, sealed: Option<&str>) -> Vec<Secret> {
    match sealed {
        Some(sealed) => own_key(app, id, sealed).into_iter().collect(),
        None => operators_keys(app),
    }
}

/// The same for an instance that may have been taken over from the original: then the operators' keys follow its own.
pub(crate) fn candidates_of(
    app: &App,
    id: &InstanceId,
    sealed: Option<&str>,
    maker: Maker,
) -> Vec<Secret> {
    let mut keys = candidates(app, id, sealed);
    if maker == Maker::Original && sealed.is_some() {
        keys.extend(operators_keys(app));
    }
    keys
}

fn operators_keys(app: &App) -> Vec<Secret> {
    app.config.http.pool_api_key.iter().cloned().collect()
}

/// The key of an instance. `None` if the stored one cannot be decrypted.
pub(crate) fn own_key(app: &App, id: &InstanceId, sealed: &str) -> Option<Secret> {
    match Column::RUNTIME_KEY.open(&app.config.cipher, id.as_str(), sealed) {
        Ok(key) => Some(key),
        Err(error) => {
            warn!(instance.id = %id, error.chain = chain(&error), "the runtime key of instance {id} cannot be decrypted");
            None
        }
    }
}

/// The principal of an instance that presents its own key.
pub(crate) fn principal_name(id: &InstanceId) -> String {
    format!("instance-{id}")
}

/// Why a runtime accepted no key, or why the call with the accepted key failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyedCallError {
    /// Nothing was done.
    #[error("its runtime refuses our key")]
    KeyRefused,
    #[error(transparent)]
    Call(CallError),
}

/// Makes `call` with one key after another until one is accepted.
pub(crate) async fn try_each<T, F>(
    id: &InstanceId,
    keys: &[Secret],
    call: impl Fn(Secret) -> F,
) -> Result<T, KeyedCallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    for key in keys {
        match call(key.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_key_refused() => {}
            Err(error) => return Err(KeyedCallError::Call(error)),
        }
    }
    counter!("agent_pool_runtime_key_refusals_total").increment(1);
    debug!(instance.id = %id, "instance {id} refuses our key");
    Err(KeyedCallError::KeyRefused)
}
