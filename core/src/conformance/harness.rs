//! What a provider's test supplies to the suite.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::registry::{InfraRegistration, ToolRegistration};
use crate::settings::{Environment, SettingsError};
use crate::{
    EnvVars, InfraHandle, InfraOptions, InfraProvider, InstanceSpec, ProvisionedTool, ToolOptions,
    ToolProvider,
};

/// A vendor under test: its URL, its resources, and the means to make it misbehave.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The settings of a working provider. The values of secret settings must be texts that occur nowhere else: the
    /// suite searches all output for them, and replaces them to test a wrong key.
    fn environment(&self) -> Environment;

    /// Everything that the vendor holds now, read from the vendor and not through the provider. Resources that all
    /// instances share are left out.
    async fn held(&self) -> Vec<Held>;

    /// Number of resources on one page of the vendor's list; `None` if it has no pages.
    fn page_size(&self) -> Option<usize>;

    /// The vendor's operations that change something in one provision or creation, in order. The suite drops the
    /// answer of each in turn.
    fn changes(&self) -> &'static [&'static str] {
        &["create"]
    }

    /// Like [`Self::changes`], for one destruction.
    fn removals(&self) -> &'static [&'static str] {
        &["delete"]
    }

    /// Makes the vendor misbehave until [`Harness::heal`].
    async fn fault(&self, _: Fault) -> Result<(), Unsupported> {
        Err(Unsupported("the harness cannot make the vendor misbehave"))
    }

    /// Ends every fault, and answers or drops the requests that hang.
    async fn heal(&self) {}

    /// Waits until the vendor has handled every request that it received, even if the sender has disconnected.
    async fn settle(&self) {}

    /// Creates a resource at the vendor for each of these labels, faster than through the provider.
    async fn seed(&self, _labels: &[String]) -> Result<(), Unsupported> {
        Err(Unsupported("only the provider can create resources"))
    }
}

/// The harness of a tool provider.
#[async_trait]
pub trait ToolHarness: Harness {
    /// The registration in the provider's crate.
    fn registration(&self) -> ToolRegistration;

    /// Builds the provider; by default as the registry does.
    ///
    /// # Errors
    /// When the settings are missing or wrong.
    fn build(&self, environment: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        (self.registration().build)(environment)
    }

    /// The options of every provision.
    fn options(&self) -> ToolOptions {
        ToolOptions::new()
    }

    /// Whether an instance can use the tool: the resource is ready, and the credentials in `tool.env` are its own and
    /// not the account's. `Err` says why not; `None` if the harness cannot tell.
    async fn usable(&self, _tool: &ProvisionedTool) -> Option<Result<(), String>> {
        None
    }

    /// The instance's variables whose values are not secret, such as the address of a mailbox.
    fn public_env(&self) -> &'static [&'static str] {
        &[]
    }
}

/// The harness of an infra provider.
#[async_trait]
pub trait InfraHarness: Harness {
    /// The registration in the provider's crate.
    fn registration(&self) -> InfraRegistration;

    /// Builds the provider; by default as the registry does.
    ///
    /// # Errors
    /// When the settings are missing or wrong.
    fn build(&self, environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        (self.registration().build)(environment)
    }

    /// The specification of an instance.
    fn spec(&self) -> InstanceSpec {
        InstanceSpec {
            name: "conformance".to_owned(),
            ..InstanceSpec::default()
        }
    }

    /// Two different values for the options that the infra takes; `None` if it takes none.
    fn options(&self) -> Option<[InfraOptions; 2]> {
        None
    }

    /// The values of [`InfraHarness::options`] in the last deployment of an instance, according to the vendor.
    async fn applied_options(&self, _: &InfraHandle) -> Result<InfraOptions, Unsupported> {
        Err(Unsupported("the harness does not know what limits apply"))
    }

    /// Changes the handle data of an existing service into that of a service that does not exist. The result must not
    /// refer to parts of the existing one, such as its volume. Unchanged by default.
    fn data_of_unknown(&self, data: Value) -> Value {
        data
    }

    /// Every deployment of one service so far, oldest first, each as the variables that it began with;
    /// `None` if the vendor does not report them.
    async fn deployments(&self, _: &InfraHandle) -> Option<Vec<EnvVars>> {
        None
    }

    /// Why instances of this infra have no address of their own; `None` if they do.
    fn shared_address(&self) -> Option<Unsupported> {
        None
    }

    /// Writes `text` to a file in the data folder of the instance that runs, as its program would.
    async fn write_data(&self, _: &InfraHandle, _text: &str) -> Result<(), Unsupported> {
        Err(Unsupported(
            "the harness cannot write to an instance's data folder",
        ))
    }

    /// Reads that file as the running program sees it; `None` if it does not exist.
    async fn read_data(&self, _: &InfraHandle) -> Result<Option<String>, Unsupported> {
        Err(Unsupported(
            "the harness cannot read an instance's data folder",
        ))
    }

    /// An image other than the usual one, to update an instance to.
    ///
    /// # Errors
    /// The harness has no such image.
    fn other_image(&self) -> Result<&'static str, Unsupported> {
        Err(Unsupported("the harness has no second image"))
    }

    /// The image that an instance runs now, according to the vendor.
    async fn running_image(&self, _: &InfraHandle) -> Result<String, Unsupported> {
        Err(Unsupported("the harness does not know what image runs"))
    }

    /// Ends the program of an instance for good, as a crash would.
    async fn end(&self, _: &InfraHandle) -> Result<(), Unsupported> {
        Err(Unsupported("the harness cannot end what an instance runs"))
    }

    /// Returns a line that the instance's program has written to its output, or makes it write one.
    async fn write_line(&self, _: &InfraHandle) -> Result<String, Unsupported> {
        Err(Unsupported(
            "the harness does not know what an instance writes",
        ))
    }
}

/// One resource that a vendor holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its kind, such as `key` or `volume`. An instance has at most one of each.
    pub kind: &'static str,
    /// The label of the instance that it belongs to; empty if that is unknown.
    pub label: String,
}

/// How a vendor misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The next request of this operation takes effect, but its answer is lost. It is one of [`Harness::changes`] or
    /// [`Harness::removals`].
    LostAnswer(&'static str),
    /// Every request is refused with the status 429.
    RateLimited(RetryAfter),
    /// Every request is answered with the status 500.
    Unavailable,
    /// The connection of every request is closed before an answer.
    Cut,
    /// No request is answered.
    Hang,
    /// Every request succeeds with an HTML page instead of its answer.
    NotJson,
}

/// The two forms of the header `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds to wait.
    Seconds(u64),
    /// The time of the next attempt.
    Date(DateTime<Utc>),
}

/// Why a harness cannot do something, for the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported(pub &'static str);
