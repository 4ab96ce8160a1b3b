//! What the calls of one process share, besides the settings.

use std::collections::HashMap;

use tokio::sync::Mutex;

/// The ids of the profiles that were found or created, by name. While one call looks for the profile the others wait,
/// so that numbers bought at the same time do not create a profile each.
#[derive(Debug, Default)]
pub(crate) struct ProfileCache(pub(crate) Mutex<HashMap<String, String>>);

impl ProfileCache {
    /// For a call that failed, perhaps because somebody deleted the profile: the next call looks for it again.
    pub(crate) async fn clear(&self) {
        self.0.lock().await.clear();
    }
}
