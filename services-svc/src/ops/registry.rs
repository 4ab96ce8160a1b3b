//! `GET /registry`: the providers of this build. Settings by name, never by value.

use agent_pool_core::settings::SettingsError;
use agent_pool_core::wire::services::{InfraInfo, RegistryReply, ToolInfo};

use crate::app::App;

pub(crate) fn registry(app: &App) -> RegistryReply {
    let registry = app.providers().registry();
    let tools = registry.tools().map(|(id, tool)| ToolInfo {
        id: id.clone(),
        name: tool.registration.name.to_owned(),
        mode: tool.registration.mode.to_owned(),
        env_keys: tool
            .registration
            .env_keys
            .iter()
            .map(|&key| key.to_owned())
            .collect(),
        configured: tool.provider.is_ok(),
        faults: tool.provider.as_ref().err().map(faults).unwrap_or_default(),
        capabilities: tool
            .provider
            .as_ref()
            .ok()
            .map(|provider| provider.capabilities()),
        settings: tool.registration.reference(),
        stats: tool.stats.snapshot(),
        price: tool.price,
    });
    let infra = registry.infras().map(|(id, infra)| InfraInfo {
        id: id.clone(),
        name: infra.registration.name.to_owned(),
        selected: *id == app.config().infra,
        configured: infra.provider.is_ok(),
        faults: infra
            .provider
            .as_ref()
            .err()
            .map(faults)
            .unwrap_or_default(),
        capabilities: infra
            .provider
            .as_ref()
            .ok()
            .map(|provider| provider.capabilities()),
        settings: infra.registration.reference(),
        stats: infra.stats.snapshot(),
        price: infra.price,
    });
    RegistryReply {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tools: tools.collect(),
        infra: infra.collect(),
    }
}

fn faults(error: &SettingsError) -> Vec<String> {
    error.to_string().lines().map(ToOwned::to_owned).collect()
}
