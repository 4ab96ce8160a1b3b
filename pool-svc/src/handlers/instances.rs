//! Operations on one instance.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{Condemned, InstanceView};
use agent_pool_core::wire::problem::Problem;

use super::views;
use crate::db::guards::Protection;
use crate::ops::destruction::Destructions;
use crate::ops::protect;
use crate::pool::Pool;

/// `DELETE /api/pool/instances/:id`
pub(crate) async fn kill(
    instance_id: InstanceId,
    destructions: Destructions,
) -> Result<Condemned, Problem> {
    destructions.kill(&instance_id).await?;
    Ok(condemned(instance_id))
}

/// `DELETE /api/pool/crashed/:id`
pub(crate) async fn dismiss(
    instance_id: InstanceId,
    destructions: Destructions,
) -> Result<Condemned, Problem> {
    destructions.dismiss(&instance_id).await?;
    Ok(condemned(instance_id))
}

/// `PUT /api/pool/instances/:id/protection`
pub(crate) async fn protect(id: InstanceId, pool: Pool) -> Result<InstanceView, Problem> {
    set_protection(id, pool, Protection::On).await
}

/// `DELETE /api/pool/instances/:id/protection`
pub(crate) async fn unprotect(id: InstanceId, pool: Pool) -> Result<InstanceView, Problem> {
    set_protection(id, pool, Protection::Off).await
}

async fn set_protection(
    id: InstanceId,
    pool: Pool,
    protection: Protection,
) -> Result<InstanceView, Problem> {
    protect::protect(&pool.app, &pool.background, &id, protection).await?;
    views::instance(id, pool.app).await
}

const fn condemned(instance_id: InstanceId) -> Condemned {
    Condemned {
        instance_id,
        ok: true,
    }
}
