//! Calls to the two services.

use agent_pool_client::{CallError, ClaimOrder, Pool, Services};
use agent_pool_core::Secret;
use agent_pool_core::wire::pool::{ClaimRequest, Claimed};
use anyhow::Context as _;

use crate::settings::KEY;
use crate::system::System;
use agent_pool_stack::Service;

/// A claim of an agent with this name.
pub(crate) fn order(agent: &str) -> anyhow::Result<ClaimOrder> {
    let agent_name = agent.to_owned().try_into().map_err(anyhow::Error::msg)?;
    let instructions = "Be broken.".to_owned().try_into();
    Ok(ClaimOrder {
        request: ClaimRequest {
            agent_name: Some(agent_name),
            instructions: Some(instructions.map_err(anyhow::Error::msg)?),
            ..ClaimRequest::default()
        },
        ..ClaimOrder::default()
    })
}

impl System {
    /// The API of a replica of Pool.
    pub(crate) async fn pool_api(&self, index: usize) -> anyhow::Result<Pool> {
        let url = self.url(Service::PoolSvc, index).await?;
        Ok(Pool::new(&self.http, url, Secret::new(KEY)))
    }

    /// The API of a replica of Services.
    pub(crate) async fn services_api(&self, index: usize) -> anyhow::Result<Services> {
        let url = self.url(Service::ServicesSvc, index).await?;
        Ok(Services::new(&self.http, url, Secret::new(KEY)))
    }

    /// Claims at the first replica of Pool. The error begins with the code under which the storm counts failures.
    pub(crate) async fn claim(&self, order: &ClaimOrder) -> anyhow::Result<Claimed> {
        let claimed = self.pool_api(0).await?.claim(order).await;
        let outcome = claimed.map_err(|error| {
            let kind = kind(&error);
            anyhow::Error::new(error).context(kind)
        })?;
        outcome.claimed().context("pending acceptance")
    }

    /// Creates instances at the first replica of Pool.
    pub(crate) async fn replenish(&self, count: u32) -> anyhow::Result<()> {
        let created = self.pool_api(0).await?.replenish(None, Some(count)).await;
        created.map(drop).context("replenish")
    }
}

fn kind(error: &CallError) -> String {
    match error.problem() {
        Some(problem) => format!("{} {}", problem.status, problem.code),
        None => "no answer".to_owned(),
    }
}
