//! The providers of this crate's users. A crate that is only in Cargo.toml is not linked; naming it here links it.

use {
    mock_provider as _, provider_agentmail as _, provider_exa as _, provider_local as _,
    provider_openrouter as _, provider_railway as _, provider_telnyx as _,
};

#[cfg(feature = "containers")]
use provider_docker as _;

#[cfg(feature = "kubernetes")]
use provider_kubernetes as _;
