//! Acts on webhooks of vendors. A webhook is only a hint that something changed: the vendor is listed again, and Pool
//! ticks at once. All decisions follow from that list, so a forged or an old notice costs one call and nothing else.

use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::shutdown::Shutdown;
use tokio::time::sleep;
use tracing::warn;

use crate::app::App;

/// Pause between two rounds: a new version of an image changes every deployment at once.
const PAUSE: Duration = Duration::from_secs(1);

/// Follows notices until shutdown.
pub(crate) async fn follow_notices(app: App, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = app.notices().arrived() => {}
            () = shutdown.wait() => return,
        }
        for infra in app.notices().take_changed() {
            app.providers().lists().forget(&infra).await;
        }
        if let Some(pool) = app.pool()
            && let Err(error) = pool.reconcile().await
        {
            warn!(
                error.chain = chain(&error),
                "a vendor reported a change, but Pool could not be told to tick; it notices at its next tick: {error}"
            );
        }
        sleep(PAUSE).await;
    }
}
