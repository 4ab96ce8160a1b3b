//! The contract between an infra and the runtime that an instance runs.
//!
//! An infra starts a program, an image or a machine, and knows nothing else about it. This module names the variables
//! in the program's environment, and the path that Services uses to check its health.
//!
//! | variable | set by | meaning |
//! |---|---|---|
//! | [`PORT`] | infra | the port on which the runtime must listen, on every interface |
//! | [`INSTANCE_ID`] | Services | the instance's id |
//! | [`INSTANCE_DATA_DIR`] | infra | a folder that outlives restarts and deployments and ends with the instance |
//! | [`POOL_API_KEY`] | Services | the instance's own key: the runtime accepts it as a bearer token, and no other |
//! | [`PUBLIC_URL`] | infra, if it knows | the URL under which the runtime is reached |
//!
//! `GET` [`HEALTH_PATH`] answers `{"ready": true}` when the instance can be claimed. Further variables come from the
//! tools, from `INSTANCE_ENV_*` and from the claim.
//!
//! ## Advice for an infra
//!
//! - **Variables that are set without a deployment** must be stored where the next deployment finds them, even if
//!   this process ends: at the vendor if it keeps them apart from the running deployment, otherwise in a label, a
//!   secret or a file of the instance. Never only in memory.
//! - **A port**: if every instance has an address of its own, use one constant port. If instances share a host, let
//!   the system choose a free port when the instance is created, store it with the instance, and keep it across
//!   deployments, because the URL is stored. Another process may take the port meanwhile: then starting fails with a
//!   message that names it.
//! - **"Created" and "to be deployed" are different states.** `create` prepares, and the first `configure` with
//!   `Redeploy::Yes` starts. `list` returns no status before that; afterwards a program that has ended is dead. Store
//!   the state with the instance: "does not run" alone cannot tell them apart.
//! - **Values are literal.** A value may contain `$`, `${{x}}`, `$(x)`, quotes, newlines or nothing. None of it may
//!   be evaluated, because a claimer's text could then read the operator's variables.

/// The port on which the runtime must listen.
pub const PORT: &str = "PORT";
/// The instance's id.
pub const INSTANCE_ID: &str = "INSTANCE_ID";
/// The folder that survives restarts and deployments.
pub const INSTANCE_DATA_DIR: &str = "INSTANCE_DATA_DIR";
/// The instance's own key.
pub const POOL_API_KEY: &str = "POOL_API_KEY";
/// The URL under which the runtime is reached.
pub const PUBLIC_URL: &str = "PUBLIC_URL";
/// The path of the health check, relative to the instance's URL.
pub const HEALTH_PATH: &str = "pool/health";
