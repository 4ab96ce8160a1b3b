//! What a provider's test tells the suite.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::registry::{InfraRegistration, ToolRegistration};
use crate::settings::{Environment, SettingsError};
use serde_json::Value;

use crate::{EnvVars, InfraHandle, InfraProvider, InstanceSpec, ToolOptions, ToolProvider};

/// A vendor as a test has it: where it is, what it holds, how it is made to misbehave.
///
/// ```
/// use std::sync::Mutex;
/// use agent_pool_core::conformance::{Fault, Harness, Held, Unsupported};
/// use agent_pool_core::settings::Environment;
///
/// /// A vendor in memory, which is no server and can only be made to be out of order.
/// struct InMemory {
///     keys: Mutex<Vec<String>>,
///     fault: Mutex<Option<Fault>>,
/// }
///
/// #[async_trait::async_trait]
/// impl Harness for InMemory {
///     fn environment(&self) -> Environment {
///         Environment::from_iter([("ACME_API_KEY", "sk-fake-31c7")])
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
///
///     async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
///         if fault != Fault::Unavailable {
///             return Err(Unsupported("there is no connection to the vendor"));
///         }
///         *self.fault.lock().unwrap() = Some(fault);
///         Ok(())
///     }
///
///     async fn heal(&self) {
///         *self.fault.lock().unwrap() = None;
///     }
///
///     async fn seed(&self, labels: &[String]) -> Result<(), Unsupported> {
///         self.keys.lock().unwrap().extend_from_slice(labels);
///         Ok(())
///     }
/// }
///
/// # agent_pool_core::doctest::run(async {
/// let vendor = InMemory { keys: Mutex::default(), fault: Mutex::default() };
/// // It makes one thing per instance, and nothing of what it is sent is late.
/// assert_eq!((vendor.changes(), vendor.removals()), (&["create"][..], &["delete"][..]));
/// vendor.settle().await;
/// assert!(vendor.fault(Fault::Hang).await.is_err(), "the case is reported as not applicable");
/// # });
/// ```
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
///
/// ```
/// # use agent_pool_core::{conformance::{Harness, Held}, doctest::Acme, settings::Environment};
/// use agent_pool_core::conformance::ToolHarness;
/// use agent_pool_core::registry::ToolRegistration;
/// use agent_pool_core::ToolOptions;
///
/// # struct AtAcme;
/// # #[async_trait::async_trait]
/// # impl Harness for AtAcme {
/// #     fn environment(&self) -> Environment { [("ACME_API_KEY", "sk-fake-31c7")].into_iter().collect() }
/// #     async fn held(&self) -> Vec<Held> { Vec::new() }
/// #     fn page_size(&self) -> Option<usize> { None }
/// # }
/// impl ToolHarness for AtAcme {
///     fn registration(&self) -> ToolRegistration {
///         Acme::REGISTRATION
///     }
///
///     // Each instance of the suite asks for this.
///     fn options(&self) -> ToolOptions {
///         [("limit".to_owned(), 5.into())].into_iter().collect()
///     }
/// }
///
/// assert!(AtAcme.build(&AtAcme.environment()).is_ok());
/// assert!(AtAcme.public_env().is_empty(), "every variable is a secret unless it is said");
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
/// # use agent_pool_core::{conformance::{Harness, Held}, doctest::{Elsewhere, run}, settings::Environment};
/// use agent_pool_core::conformance::InfraHarness;
/// use agent_pool_core::registry::InfraRegistration;
///
/// # struct AtElsewhere;
/// # #[async_trait::async_trait]
/// # impl Harness for AtElsewhere {
/// #     fn environment(&self) -> Environment { Environment::default() }
/// #     async fn held(&self) -> Vec<Held> { Vec::new() }
/// #     fn page_size(&self) -> Option<usize> { None }
/// # }
/// impl InfraHarness for AtElsewhere {
///     fn registration(&self) -> InfraRegistration {
///         Elsewhere::REGISTRATION
///     }
/// }
///
/// assert_eq!(AtElsewhere.spec().name, "conformance");
/// assert!(AtElsewhere.build(&AtElsewhere.environment()).is_ok());
/// # let handle = Elsewhere::created().handle;
/// # run(async {
/// let told = AtElsewhere.deployments(&handle).await;
/// assert_eq!(told, None, "cases about deployments are not applicable then");
/// # });
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

    /// The handle data of a service that does not exist, made from that of one that does: it must not
    /// lead to parts of the latter, such as its volume. Unchanged by default.
    fn data_of_unknown(&self, data: Value) -> Value {
        data
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
/// let why = Unsupported("there is no connection to the vendor");
/// assert_eq!(why.0, "there is no connection to the vendor", "as the report has it");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported(pub &'static str);
