//! What a provider's test tells the suite.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::registry::{InfraRegistration, ToolRegistration};
use crate::settings::{Environment, SettingsError};
use crate::{EnvVars, InfraHandle, InfraProvider, InstanceSpec, ToolOptions, ToolProvider};

/// A vendor as a test has it: where it is, what it holds, how it is made to misbehave.
///
/// ```
/// use agent_pool_core::conformance::{Harness, Held};
/// use agent_pool_core::settings::Environment;
///
/// struct AtFake {
///     url: String,
///     keys: std::sync::Mutex<Vec<String>>,
/// }
///
/// #[async_trait::async_trait]
/// impl Harness for AtFake {
///     fn environment(&self) -> Environment {
///         Environment::from_iter([("ACME_API_URL", self.url.as_str()), ("ACME_API_KEY", "good")])
///     }
///
///     async fn held(&self) -> Vec<Held> {
///         let labels = self.keys.lock().unwrap().clone().into_iter();
///         labels.map(|label| Held { kind: "key", label }).collect()
///     }
///
///     fn page_size(&self) -> Option<usize> {
///         Some(5)
///     }
/// }
/// ```
#[async_trait]
pub trait Harness: Send + Sync {
    /// The settings of a provider that works. The secret ones are what must never be shown, and are
    /// replaced to try a wrong key.
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
///
/// ```
/// # use agent_pool_core::conformance::{Harness, ToolHarness};
/// use agent_pool_core::registry::ToolRegistration;
///
/// # fn of(harness: &dyn ToolHarness) {
/// let registration: ToolRegistration = harness.registration();
/// let provider = harness.build(&harness.environment()).expect("the settings are right");
/// assert!(harness.public_env().iter().all(|name| registration.env_keys.contains(name)));
/// # }
/// ```
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
///
/// ```
/// # use agent_pool_core::{InfraHandle, conformance::InfraHarness};
/// # async fn of(harness: &dyn InfraHarness, handle: &InfraHandle) {
/// assert_eq!(harness.spec().name, "conformance");
/// if let Some(deployments) = harness.deployments(handle).await {
///     println!("{} deployments so far", deployments.len());
/// }
/// # }
/// ```
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
///
/// ```
/// use agent_pool_core::conformance::Held;
///
/// let held = Held { kind: "volume", label: "ap-dev-k3v9x0a1b2c3".to_owned() };
/// assert_ne!(held, Held { kind: "service", ..held.clone() });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it is, such as `key` or `volume`: an instance has at most one of each.
    pub kind: &'static str,
    /// The label of the instance that it belongs to; empty where that cannot be known.
    pub label: String,
}

/// How a vendor misbehaves.
///
/// ```
/// use agent_pool_core::conformance::{Fault, RetryAfter, Unsupported};
///
/// /// The status that a fake of HTTP answers with.
/// fn status(fault: Fault) -> Result<u16, Unsupported> {
///     match fault {
///         Fault::RateLimited(_) => Ok(429),
///         Fault::Unavailable => Ok(500),
///         Fault::NotJson => Ok(200),
///         Fault::Cut | Fault::Hang | Fault::LostAnswer(_) => Err(Unsupported("no answer at all")),
///     }
/// }
/// assert_eq!(status(Fault::RateLimited(RetryAfter::Seconds(30))), Ok(429));
/// ```
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
///
/// ```
/// use agent_pool_core::conformance::RetryAfter;
///
/// let header = match RetryAfter::Seconds(30) {
///     RetryAfter::Seconds(seconds) => seconds.to_string(),
///     RetryAfter::Date(at) => at.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
/// };
/// assert_eq!(header, "30");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds to wait.
    Seconds(u64),
    /// The time to come back at.
    Date(DateTime<Utc>),
}

/// Why a harness cannot do what it was asked, for the report.
///
/// ```
/// use agent_pool_core::conformance::Unsupported;
///
/// let why = Unsupported("this machine never loses an answer");
/// # assert!(why.0.starts_with("this"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported(pub &'static str);
