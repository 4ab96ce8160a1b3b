//! This distribution of services-svc: its providers, and the default infra.

use std::process::ExitCode;

use {
    provider_agentmail as _, provider_exa as _, provider_local as _, provider_openrouter as _,
    provider_railway as _, provider_telnyx as _,
};

#[cfg(feature = "docker")]
use provider_docker as _;

#[cfg(feature = "kubernetes")]
use provider_kubernetes as _;

fn main() -> ExitCode {
    services_svc::main(&[("INFRA_PROVIDER", "railway")])
}
