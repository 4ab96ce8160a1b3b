//! `GET /version`.

use agent_pool_core::COMMIT;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::Version;

pub(crate) async fn handle() -> Result<Version, Problem> {
    Ok(Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: COMMIT.map(ToOwned::to_owned),
    })
}
