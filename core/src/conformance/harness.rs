//! What a provider's test supplies to the suite.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::registry::{InfraRegistration, ToolRegistration};
use crate::settings::{Environment, SettingsError};
use crate::{
    EnvVars, InfraHandle, InfraProvider, InstanceSpec, ProvisionedTool, ToolOptions, ToolProvider,
};

/// A vendor under test: its URL, its resources, and how it is made to misbehave.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The settings of a working provider. The values of secret settings must be texts that occur nowhere else: the
    /// suite searches all output for them, and replaces them to test a wrong key.
    fn environment(&self) -> Environment;

    /// Everything that the vendor holds now, read from the vendor and not through the provider. What all instances share
    /// is left out.
    async fn held(&self) -> Vec<Held>;

    /// How many resources are on one page of the vendor's list; `None` if it has no pages.
    fn page_size(&self) -> Option<usize>;

    /// The vendor's operations that change something in one provision or creation, in order. The suite loses the answer
    /// of each.
    fn changes(&self) -> &'static [&'static str] {
        &["create"]
    }

    /// The same for one destruction.
    fn removals(&self) -> &'static [&'static str] {
        &["delete"]
    }

    /// Makes the vendor misbehave until [`Harness::heal`].
    async fn fault(&self, _: Fault) -> Result<(), Unsupported> {
        Err(Unsupported("the harness cannot make the vendor misbehave"))
    }

    /// Ends every fault, and answers or drops the requests that hang.
    async fn heal(&self) {}

    /// Waits until the vendor has handled everything that it was sent, also requests whose sender has gone.
    async fn settle(&self) {}

    /// Makes the vendor hold a resource for each of these labels, faster than the provider would.
    async fn seed(&self, _labels: &[String]) -> Result<(), Unsupported> {
        Err(Unsupported("only the provider can create resources"))
    }
}

/// The harness of a tool provider.
#[async_trait]
pub trait ToolHarness: Harness {
    /// What the provider's crate registers.
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

    /// Whether an instance can use what it was given: the resource is ready, and the credentials in `tool.env` are its
    /// own and not the account's. `Err` says why not; `None` if the harness cannot know.
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
    /// What the provider's crate registers.
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
            image: None,
        }
    }

    /// The handle data of a service that does not exist, made from that of one that does: it must not
    /// lead to parts of the latter, such as its volume. Unchanged by default.
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

    /// That file, as the program that runs now finds it; `None` if it is not there.
    async fn read_data(&self, _: &InfraHandle) -> Result<Option<String>, Unsupported> {
        Err(Unsupported(
            "the harness cannot read an instance's data folder",
        ))
    }

    /// An image other than the usual one, to update an instance to.
    ///
    /// # Errors
    /// The harness has none.
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

    /// A line that the instance's program has written to its output, or is made to write now.
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
    /// The next time, this one of [`Harness::changes`] or [`Harness::removals`] takes effect and its answer is lost.
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
