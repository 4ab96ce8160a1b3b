//! This distribution: which providers services-svc is linked with, and where it makes instances.

use agent_pool_service_kit::config::load_environment;
use {
    provider_agentmail as _, provider_exa as _, provider_local as _, provider_openrouter as _,
    provider_railway as _, provider_telnyx as _,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut environment = load_environment()?;
    if environment.get("INFRA_PROVIDER").is_none() {
        environment.set("INFRA_PROVIDER", "railway");
    }
    services_svc::run(environment).await
}
