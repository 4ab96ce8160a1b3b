//! State that the calls of one process share.

use std::collections::HashMap;

use tokio::sync::Mutex;

/// The ids of the profiles that were found or created, by name. While one call looks for the profile the others wait,
/// so that numbers bought at the same time do not create a profile each.
#[derive(Debug, Default)]
pub(crate) struct ProfileCache(pub(crate) Mutex<HashMap<String, String>>);

impl ProfileCache {
    /// Called after a failure, which may be due to a deleted profile: the next call looks for it again.
    pub(crate) async fn clear(&self) {
        self.0.lock().await.clear();
    }
}
