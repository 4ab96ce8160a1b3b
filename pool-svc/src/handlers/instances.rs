//! Operations on one instance.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Condemned;
use agent_pool_core::wire::problem::Problem;

use crate::ops::destruction::Destructions;

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

const fn condemned(instance_id: InstanceId) -> Condemned {
    Condemned {
        instance_id,
        ok: true,
    }
}
