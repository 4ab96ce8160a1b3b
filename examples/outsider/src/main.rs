#![doc = include_str!("../README.md")]

mod team_token;

// Naming a provider is what links it.
use {provider_local as _, provider_openrouter as _};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    services_svc::run(agent_pool_service_kit::config::load_environment()?).await
}
