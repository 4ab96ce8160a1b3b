//! What runs in the fake Railway's containers, and the edge that makes it reachable.

mod builtin;
mod edge;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;

pub use builtin::BuiltinRuntime;
pub(crate) use edge::{Edge, Slot};

/// One container to start.
#[derive(Clone)]
pub struct Container {
    /// The service's name.
    pub service_name: String,
    /// The image that the deployment was made of.
    pub image: String,
    /// What replaces the image's entrypoint.
    pub start_command: Option<String>,
    /// The service's variables when it was deployed, and the vendor's own `RAILWAY_…`.
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

/// Starts containers. It is called once per deployment that gets as far.
#[async_trait]
pub trait Launcher: Debug + Send + Sync {
    /// Starts `container` as a server on an address of its own choice on this machine.
    ///
    /// # Errors
    /// When it cannot start; the deployment is then `CRASHED`.
    async fn launch(&self, container: Container) -> io::Result<Box<dyn Running>>;
}

/// A container that runs. Dropping it stops it.
pub trait Running: Debug + Send + Sync {
    /// Where it listens.
    fn address(&self) -> SocketAddr;
}
