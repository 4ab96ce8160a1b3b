//! Acts on webhooks of vendors. One is a hint that something changed: the vendor is asked anew, and Pool looks at once.
//! What becomes of an instance follows from that look alone, so a forged or an old notice costs one look.

use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::shutdown::Shutdown;
use tokio::time::sleep;
use tracing::warn;

use crate::app::App;

/// Between two looks: a new version of an image changes every deployment.
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
                "a vendor reported a change, and Pool notices it at its next tick: {error}"
            );
        }
        sleep(PAUSE).await;
    }
}
