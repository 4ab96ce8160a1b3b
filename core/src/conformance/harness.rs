//! What a provider's test tells the suite.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::registry::{InfraRegistration, ToolRegistration};
use crate::settings::{Environment, SettingsError};
use crate::{EnvVars, InfraHandle, InfraProvider, InstanceSpec, ToolOptions, ToolProvider};

/// A vendor as a test has it: where it is, what it holds, how it is made to misbehave.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The settings of a provider that works. The secret ones are what must never be shown, so that their
    /// values are texts that occur nowhere else, and are replaced to try a wrong key.
    fn environment(&self) -> Environment;

    /// Everything that the vendor holds now, asked of the vendor and not of the provider. What all
    /// instances share is left out.
    async fn held(&self) -> Vec<Held>;

    /// How many resources the vendor lists on one page; `None` where it does not page.
    fn page_size(&self) -> Option<usize>;

    /// The vendor's operations that change something in one provision or creation, in their order. A lost
    /// answer is tried at each.
    fn changes(&self) -> &'static [&'static str] {
        &["create"]
    }

    /// The same of one destruction.
    fn removals(&self) -> &'static [&'static str] {
        &["delete"]
    }

    /// Makes the vendor misbehave until [`Harness::heal`].
    async fn fault(&self, _: Fault) -> Result<(), Unsupported> {
        Err(Unsupported("the harness cannot make the vendor misbehave"))
    }

    /// Ends every fault, and answers or drops the requests that hang.
    async fn heal(&self) {}

    /// Waits until the vendor has dealt with all that it was sent, also with requests whose sender left.
    async fn settle(&self) {}

    /// Makes the vendor hold a resource for each of these labels, faster than the provider would.
    async fn seed(&self, _labels: &[String]) -> Result<(), Unsupported> {
        Err(Unsupported("the provider has to make them"))
    }
}

/// The harness of a tool provider.
#[async_trait]
pub trait ToolHarness: Harness {
    /// What the provider's crate submits.
    fn registration(&self) -> ToolRegistration;

    /// Makes the provider; by default as the registry does.
    ///
    /// # Errors
    /// When the settings are missing or wrong.
    fn build(&self, environment: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        (self.registration().build)(environment)
    }

    /// What an instance asks for.
    fn options(&self) -> ToolOptions {
        ToolOptions::new()
    }

    /// The variables of an instance whose values are no secrets, such as a mailbox's address.
    fn public_env(&self) -> &'static [&'static str] {
        &[]
    }
}

/// The harness of an infra provider.
#[async_trait]
pub trait InfraHarness: Harness {
    /// What the provider's crate submits.
    fn registration(&self) -> InfraRegistration;

    /// Makes the provider; by default as the registry does.
    ///
    /// # Errors
    /// When the settings are missing or wrong.
    fn build(&self, environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        (self.registration().build)(environment)
    }

    /// What is asked for an instance.
    fn spec(&self) -> InstanceSpec {
        InstanceSpec {
            name: "conformance".to_owned(),
            image: None,
        }
    }

    /// Every deployment of one service so far, oldest first, each as the variables that it began with;
    /// `None` where the vendor does not tell.
    async fn deployments(&self, _: &InfraHandle) -> Option<Vec<EnvVars>> {
        None
    }
}

/// One thing that a vendor holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it is, such as `key` or `volume`: an instance has at most one of each.
    pub kind: &'static str,
    /// The label of the instance that it belongs to; empty where that cannot be known.
    pub label: String,
}

/// How a vendor misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This one of [`Harness::changes`] or [`Harness::removals`] takes effect the next time, and its
    /// answer never arrives.
    LostAnswer(&'static str),
    /// Every request is refused as too many.
    RateLimited(RetryAfter),
    /// Every request is answered with the status 500.
    Unavailable,
    /// The connection of every request is closed before an answer.
    Cut,
    /// No request is answered.
    Hang,
    /// Every request succeeds with a page of HTML in the place of its answer.
    NotJson,
}

/// The two forms of the header `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds to wait.
    Seconds(u64),
    /// The time to come back at.
    Date(DateTime<Utc>),
}

/// Why a harness cannot do what it was asked, for the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported(pub &'static str);
