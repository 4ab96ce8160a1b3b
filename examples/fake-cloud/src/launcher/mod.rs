//! The containers of the fake Railway, and the edge that makes them reachable.

mod builtin;
mod edge;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;

pub use builtin::BuiltinRuntime;
pub(crate) use edge::{Edge, Slot};

/// A container to start.
#[derive(Clone)]
pub struct Container {
    /// The service's name.
    pub service_name: String,
    /// The image of the deployment.
    pub image: String,
    /// The command that replaces the image's entrypoint.
    pub start_command: Option<String>,
    /// The service's variables at deployment, and the vendor's `RAILWAY_…` variables.
    pub variables: BTreeMap<String, String>,
}

impl Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container")
            .field("service_name", &self.service_name)
            .field("image", &self.image)
            .field("variables", &self.variables.keys())
            .finish_non_exhaustive()
    }
}

/// Starts containers, once for each deployment that reaches this stage.
#[async_trait]
pub trait Launcher: Debug + Send + Sync {
    /// Starts `container` as a server at any address of this machine.
    ///
    /// # Errors
    /// It cannot start. The deployment becomes `CRASHED`.
    async fn launch(&self, container: Container) -> io::Result<Box<dyn Running>>;
}

/// A running container. Dropping it stops the container.
pub trait Running: Debug + Send + Sync {
    /// The address that it listens on.
    fn address(&self) -> SocketAddr;
}
