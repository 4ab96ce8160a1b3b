//! Tools: what an instance is given, such as an LLM key, a mailbox or a phone number.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Context, EnvVars, InstanceId, ProviderError, ResourceId, Secret};

/// Creates and destroys one kind of tool. Used as `Arc<dyn ToolProvider>`.
///
/// Every operation is idempotent on the instance.
///
/// ```
/// use agent_pool_core::{
///     Context, InstanceId, ListedResource, ProviderError, ProvisionedTool, ResourceId, Secret,
///     ToolOptions, ToolProvider,
/// };
///
/// /// Every instance has the same key of a vendor without an API: its resource is the label.
/// #[derive(Debug)]
/// struct SharedKey(Secret);
///
/// #[async_trait::async_trait]
/// impl ToolProvider for SharedKey {
///     async fn provision(
///         &self,
///         cx: &Context,
///         instance: &InstanceId,
///         _: &ToolOptions,
///     ) -> Result<ProvisionedTool, ProviderError> {
///         ProvisionedTool::new(&cx.mark().label(instance), [("SHARED_KEY", self.0.clone())])
///     }
///
///     async fn destroy(
///         &self,
///         _: &Context,
///         _: &InstanceId,
///         _: &ResourceId,
///     ) -> Result<(), ProviderError> {
///         Ok(())
///     }
///
///     async fn list(&self, _: &Context) -> Result<Vec<ListedResource>, ProviderError> {
///         Ok(Vec::new())
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mark = agent_pool_core::Mark::new(&"dev".parse()?);
/// # let cx = Context::new(mark, agent_pool_core::http::client()?);
/// # let tool = SharedKey(Secret::new("sk-123"));
/// # let (instance, none) = ("k3v9x0a1b2c3".parse()?, ToolOptions::new());
///
/// let first = tool.provision(&cx, &instance, &none).await?;
/// let again = tool.provision(&cx, &instance, &none).await?;
/// assert_eq!((first.resource.as_str(), &first), ("ap-dev-k3v9x0a1b2c3", &again));
/// # Ok(())
/// # }
/// ```
///
/// **Contract**
/// - A call may be cancelled at any point by dropping its future; the next call then continues from what
///   exists.
/// - A call ends by the deadline of its context, as `Unavailable`.
/// - A key that the vendor does not accept is `Unauthorized`.
/// - A vendor that asks to slow down is `RateLimited`, with the wait that it asks for, in seconds or as a
///   date.
/// - A vendor that is down or cuts the connection is `Unavailable`.
/// - An answer that cannot be understood is `Protocol`.
/// - No secret appears in `Debug` output, an error or a trace.
/// - A declared capability works; one that is not declared returns `Unsupported`.
/// - Without a required setting it is not built, and the fault names the variable.
#[async_trait]
pub trait ToolProvider: fmt::Debug + Send + Sync {
    /// The optional operations that work.
    fn capabilities(&self) -> ToolCapabilities {
        ToolCapabilities::default()
    }

    /// Creates the tool of one instance. In an [`Attempt::First`](crate::Attempt::First) of the context nothing of it
    /// exists yet, so no lookup is needed.
    ///
    /// **Contract**
    /// - Called again for the same instance, it returns what exists and completes what is missing;
    ///   it never creates a second one.
    /// - Two concurrent calls for one instance, through the layers, create one.
    /// - If the vendor shows a secret only once, the existing resource is deleted and created again.
    /// - A create that is not idempotent at the vendor and whose answer was lost is not repeated
    ///   blindly: it looks up first.
    /// - After a failure, what exists can be found by the mark through `list`, or is undone.
    /// - Its result can be used immediately, with credentials that belong to the instance alone.
    /// - Secrets are returned only in [`ProvisionedTool::env`].
    /// - The variables are those that the registration declares.
    /// - The metadata takes at most [`ProvisionedTool::METADATA_LIMIT`] bytes as JSON.
    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError>;

    /// Removes the tool of one instance.
    ///
    /// **Contract**
    /// - No resource of the instance, of any kind, is left at the vendor.
    /// - Destroying what no longer exists succeeds.
    /// - Destroying what never existed succeeds and touches nothing else.
    /// - An id with characters that are special in a URL is encoded, so that it names only its own resource.
    /// - A refusal that could mean "does not exist" or "not allowed" is checked before it counts as destroyed.
    /// - If an answer was lost, `list` still returns what remains, and a repeated call destroys it.
    async fn destroy(
        &self,
        cx: &Context,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError>;

    /// Every resource at the vendor that bears this environment's mark.
    ///
    /// **Contract**
    /// - Follows the vendor's pages to the last one: an answer is complete, or an error.
    /// - Omits other environments, even one whose name begins like ours.
    /// - Omits what the vendor is already deleting.
    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError>;

    /// What the resource has used so far.
    async fn usage(&self, _: &Context, _: &ResourceId) -> Result<Usage, ProviderError> {
        Err(ProviderError::unsupported("usage"))
    }

    /// Changes the options of an existing resource.
    async fn update(
        &self,
        _: &Context,
        _: &ResourceId,
        _: &ToolOptions,
    ) -> Result<(), ProviderError> {
        Err(ProviderError::unsupported("update"))
    }

    /// Metadata that changed at the vendor after the provision, by resource: members to add or replace. The sweep
    /// calls this, and people see the metadata with the instance.
    async fn refresh(&self, _: &Context) -> Result<Vec<(ResourceId, Metadata)>, ProviderError> {
        Ok(Vec::new())
    }

    /// What an operator should know about the settings although they are valid, such as a setting without which part of
    /// the tool cannot work. `poolctl doctor` shows it.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// Checks the credentials with a call that changes nothing.
    async fn verify(&self, _: &Context) -> Result<(), ProviderError> {
        Err(ProviderError::unsupported("verify"))
    }
}

/// The optional operations of a [`ToolProvider`] that work.
///
/// ```
/// use agent_pool_core::ToolCapabilities;
///
/// let declared = ToolCapabilities { verify: true, ..ToolCapabilities::default() };
/// assert!(!declared.usage);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolCapabilities {
    /// [`ToolProvider::usage`].
    pub usage: bool,
    /// [`ToolProvider::update`].
    pub update: bool,
    /// [`ToolProvider::verify`].
    pub verify: bool,
}

impl ToolCapabilities {
    /// [`ToolProvider::verify`] alone.
    ///
    /// ```
    /// use agent_pool_core::ToolCapabilities;
    ///
    /// let declared = ToolCapabilities::VERIFY.and_usage();
    /// assert!(declared.verify && declared.usage && !declared.update);
    /// ```
    pub const VERIFY: Self = Self {
        usage: false,
        update: false,
        verify: true,
    };

    /// Adds [`ToolProvider::usage`].
    #[must_use]
    pub const fn and_usage(self) -> Self {
        Self {
            usage: true,
            ..self
        }
    }

    /// Adds [`ToolProvider::update`].
    ///
    /// ```
    /// use agent_pool_core::ToolCapabilities;
    ///
    /// assert!(ToolCapabilities::VERIFY.and_usage().and_update().usage);
    /// ```
    #[must_use]
    pub const fn and_update(self) -> Self {
        Self {
            update: true,
            ..self
        }
    }
}

/// A caller's options for one tool; each provider documents its own.
///
/// ```
/// use agent_pool_core::ToolOptions;
///
/// let options: ToolOptions = serde_json::from_str(r#"{"limit": 5}"#).unwrap();
/// assert_eq!(options["limit"], 5);
/// ```
pub type ToolOptions = Map<String, Value>;

/// Information about a tool for people. It is stored unencrypted and must not contain secrets.
pub type Metadata = Map<String, Value>;

/// A tool that an instance now has.
///
/// ```
/// use agent_pool_core::{ErrorKind, ProvisionedTool, Secret};
///
/// let tool = ProvisionedTool::new("key-17", [("ACME_KEY", Secret::new("sk-123"))])
///     .unwrap()
///     .with("limit", 5);
/// assert_eq!(tool.resource.as_str(), "key-17");
/// let error = ProvisionedTool::new("keys/17", []).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Protocol);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ProvisionedTool {
    /// The vendor's id of the resource.
    pub resource: ResourceId,
    /// The variables to set on the instance. Their names are those of the registration.
    pub env: EnvVars,
    /// Information for people. No secrets.
    pub metadata: Metadata,
}

impl ProvisionedTool {
    /// Maximum size of the metadata as JSON, in bytes.
    pub const METADATA_LIMIT: usize = 16 * 1024;
    /// Maximum size of one variable's value, in bytes.
    pub const VALUE_LIMIT: usize = 32 * 1024;

    /// A tool without metadata, from the vendor's id of the resource and the variables to set.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) when the vendor's id or the name of a variable is invalid.
    pub fn new<'a>(
        resource: &str,
        env: impl IntoIterator<Item = (&'a str, Secret)>,
    ) -> Result<Self, ProviderError> {
        let mut vars = EnvVars::new();
        for (name, value) in env {
            vars.set(name.parse()?, value);
        }
        Ok(Self {
            resource: resource.parse()?,
            env: vars,
            metadata: Map::new(),
        })
    }

    /// Adds a member to the metadata. No secrets.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.to_owned(), value.into());
        self
    }
}

/// Reads a caller's options as the provider's own type, which should refuse unknown fields.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Options {
///     limit: Option<u32>,
/// }
///
/// let asked = serde_json::from_str(r#"{"limit": "many"}"#).unwrap();
/// let error = agent_pool_core::read_options::<Options>(&asked).err().unwrap();
/// assert!(error.to_string().contains("option limit"), "{error}");
/// # let none = agent_pool_core::read_options::<Options>(&Default::default()).unwrap();
/// # assert_eq!(none.limit, None);
/// ```
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the option at fault.
pub fn read_options<T: DeserializeOwned>(options: &ToolOptions) -> Result<T, ProviderError> {
    serde_path_to_error::deserialize(Value::Object(options.clone())).map_err(|error| {
        let problem = format!("option {}: {}", error.path(), error.inner());
        ProviderError::new(crate::ErrorKind::Invalid, problem)
    })
}

/// One resource as its vendor lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedResource {
    /// The vendor's id of the resource.
    pub resource: ResourceId,
    /// The instance that its mark names.
    pub instance: InstanceId,
    /// The vendor's creation time; `None` if the vendor has none.
    pub created_at: Option<DateTime<Utc>>,
}

impl ListedResource {
    /// A resource with this label; `None` if the label is not of this environment.
    ///
    /// `created_at` is the vendor's text. A text that is not a time is ignored.
    #[must_use]
    pub fn marked(
        cx: &Context,
        label: &str,
        resource: &str,
        created_at: Option<&str>,
    ) -> Option<Result<Self, ProviderError>> {
        let instance = cx.mark().instance(label)?;
        Some(
            resource
                .parse()
                .map_err(ProviderError::from)
                .map(|resource| Self {
                    resource,
                    instance,
                    created_at: created_at.and_then(|at| at.parse().ok()),
                }),
        )
    }
}

/// What a resource has used so far, as pairs of a measure with its unit and a number, such as
/// `("usd", 1.25)`.
///
/// ```
/// let usage = agent_pool_core::Usage([("usd".to_owned(), 1.25)].into());
/// assert_eq!(serde_json::to_string(&usage).unwrap(), r#"{"usd":1.25}"#);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage(pub std::collections::BTreeMap<String, f64>);
