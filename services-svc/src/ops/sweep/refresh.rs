//! Refreshes metadata that changes at the vendors after the provision, such as the registration of a phone number.

use std::collections::BTreeMap;

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;
use tracing::warn;

use super::listed::Provider;
use crate::app::App;
use crate::db::instance_services;

/// Asks every tool that could be listed, and stores the changes.
pub(super) async fn refresh(
    app: &App,
    providers: &[Provider],
    failures: &BTreeMap<String, String>,
) -> Result<(), DbError> {
    let listed = providers
        .iter()
        .filter(|provider| !failures.contains_key(provider.name()));
    let tools: Vec<_> = listed
        .filter_map(|provider| match provider {
            Provider::Tool(tool) => Some(tool),
            Provider::Infra(_) => None,
        })
        .collect();
    let refreshed = join_all(tools.iter().map(|tool| tool.refresh())).await;
    let mut conn = app.db().conn().await?;
    for (tool, refreshed) in tools.into_iter().zip(refreshed) {
        match refreshed {
            Ok(changes) => {
                for (resource, metadata) in changes {
                    instance_services::merge_metadata(&mut conn, tool.id(), &resource, metadata)
                        .await?;
                }
            }
            Err(error) => {
                let tool = tool.id();
                warn!(
                    error.chain = chain(&error),
                    "the metadata of {tool} could not be refreshed"
                );
            }
        }
    }
    Ok(())
}
