//! Decides what happens to each row of the original. A pure function of the rows and of the linked providers.

use std::collections::HashSet;

use agent_pool_core::registry::Registry;
use agent_pool_core::{EnvName, InfraId, InstanceId, ResourceId, ServiceId, ToolId};
use agent_pool_service_kit::adopt::Outcome;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::{INFRA, TOOLS};
use crate::db::adopted::{AdoptedInfra, AdoptedTool};

/// A row of `instance_infra`. Older versions of the original lack some of the columns.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct OriginalInfra {
    instance_id: String,
    provider: String,
    provider_service_id: String,
    provider_env_id: String,
    provider_project_id: Option<String>,
    url: Option<String>,
    deploy_status: Option<String>,
    runtime_image: Option<String>,
    volume_id: Option<String>,
    gateway_token: Option<String>,
    created_at: DateTime<Utc>,
}

/// A row of `instance_services`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct OriginalTool {
    instance_id: String,
    tool_id: String,
    resource_id: String,
    resource_meta: Option<Value>,
    env_key: String,
    env_value: Option<String>,
    status: String,
    created_at: DateTime<Utc>,
}

/// The rows to insert, and the report.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) infras: Vec<AdoptedInfra>,
    pub(super) tools: Vec<AdoptedTool>,
    pub(super) outcome: Outcome,
}

impl Plan {
    pub(super) fn new(
        infras: Vec<OriginalInfra>,
        tools: Vec<OriginalTool>,
        registry: &Registry,
    ) -> Self {
        let mut plan = Self::default();
        for row in infras {
            match check_infra(&row, registry) {
                Ok(()) => {
                    plan.outcome.adopt(format!("instances on {}", row.provider));
                    plan.infras.push(row.into_adopted());
                }
                Err(reason) => plan.outcome.skip(INFRA, row.instance_id, reason),
            }
        }
        let adopted = plan.infras.iter().map(|row| row.instance_id.clone());
        let adopted: HashSet<String> = adopted.collect();
        for row in tools {
            match check_tool(&row, registry, &adopted) {
                Ok(()) => {
                    plan.outcome.adopt(format!("resources of {}", row.tool_id));
                    plan.tools.push(row.into_adopted());
                }
                Err(reason) => {
                    let key = format!("{} of {}", row.tool_id, row.instance_id);
                    plan.outcome.skip(TOOLS, key, reason);
                }
            }
        }
        plan
    }
}

/// Why an instance cannot be adopted.
fn check_infra(row: &OriginalInfra, registry: &Registry) -> Result<(), String> {
    row.instance_id.parse::<InstanceId>().map_err(text)?;
    row.provider_service_id.parse::<ServiceId>().map_err(text)?;
    let infra: InfraId = row.provider.parse().map_err(text)?;
    if registry.infras().all(|(id, _)| *id != infra) {
        return Err(format!("this build has no infra {infra}"));
    }
    Ok(())
}

/// Why a tool cannot be adopted.
fn check_tool(
    row: &OriginalTool,
    registry: &Registry,
    adopted: &HashSet<String>,
) -> Result<(), String> {
    row.resource_id.parse::<ResourceId>().map_err(text)?;
    row.env_key.parse::<EnvName>().map_err(text)?;
    let tool: ToolId = row.tool_id.parse().map_err(text)?;
    if !adopted.contains(&row.instance_id) {
        return Err("its instance is skipped".to_owned());
    }
    if registry.tools().all(|(id, _)| *id != tool) {
        return Err(format!("this build has no tool {tool}"));
    }
    if row.status != "active" {
        return Err(format!("its status is {:?}", row.status));
    }
    Ok(())
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

impl OriginalInfra {
    fn into_adopted(self) -> AdoptedInfra {
        AdoptedInfra {
            url: self.url.filter(|url| url.parse::<Url>().is_ok()),
            runtime_key: self.gateway_token.filter(|token| !token.is_empty()),
            instance_id: self.instance_id,
            provider: self.provider,
            provider_service_id: self.provider_service_id,
            provider_env_id: self.provider_env_id,
            provider_project_id: self.provider_project_id,
            deploy_status: self.deploy_status,
            runtime_image: self.runtime_image,
            volume_id: self.volume_id,
            created_at: self.created_at,
        }
    }
}

impl OriginalTool {
    fn into_adopted(self) -> AdoptedTool {
        let resource_meta = match self.resource_meta {
            Some(Value::Object(metadata)) => metadata,
            _ => Map::new(),
        };
        AdoptedTool {
            resource_meta,
            instance_id: self.instance_id,
            tool_id: self.tool_id,
            resource_id: self.resource_id,
            env_key: self.env_key,
            env_value: self.env_value,
            created_at: self.created_at,
        }
    }
}
