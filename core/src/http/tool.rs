use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Answer, Api, VendorHttp};
use crate::settings::SettingsError;
use crate::{ProviderError, ProvisionedTool, ToolCapabilities, ToolOptions, Usage};

/// A tool whose vendor has an HTTP API: what is the vendor's own, and nothing else.
///
/// The type that implements it is the tool's settings. [`ToolRegistration::of`] makes a whole
/// [`ToolProvider`] of it, which
/// - reads the settings, whose variables begin with the id in capitals, and names every fault,
/// - reads the caller's options and names the one at fault,
/// - keeps of [`HttpTool::list`] what bears this environment's mark, each resource once,
/// - provisions an instance again as [`HttpTool::ON_REPEAT`] says,
/// - takes what is gone already as destroyed, unless [`HttpTool::gone`] says otherwise.
///
/// ```
/// use agent_pool_core::prelude::*;
///
/// /// Gives each instance a key of its own at Acme.
/// #[derive(Debug, Deserialize, JsonSchema)]
/// struct Acme {
///     /// A key that may make keys.
///     admin_key: Secret,
///     /// Where the API is.
///     #[serde(default = "api_url")]
///     api_url: Url,
/// }
///
/// fn api_url() -> Url {
///     settings::url("https://api.acme.example/v1")
/// }
///
/// #[derive(Deserialize)]
/// struct Keys {
///     keys: Vec<Key>,
///     next: Option<String>,
/// }
///
/// #[derive(Deserialize)]
/// struct Key {
///     id: String,
///     name: String,
///     created_at: String,
/// }
///
/// #[derive(Deserialize)]
/// struct NewKey {
///     id: String,
///     secret: Secret,
/// }
///
/// #[async_trait]
/// impl HttpTool for Acme {
///     const ID: &str = "acme";
///     const NAME: &str = "Acme";
///     const MODE: &str = "per-instance-key";
///     const ENV_KEYS: &[&str] = &["ACME_API_KEY"];
///     type Options = NoOptions;
///
///     fn vendor(&self) -> Result<VendorHttp, SettingsError> {
///         VendorHttp::new(self.api_url.clone()).bearer(&self.admin_key, "ACME_ADMIN_KEY")
///     }
///
///     async fn list(&self, api: Api<'_>) -> Answer<Vec<Found>> {
///         let keys = api.get(["keys"]).pages("after", |page: Keys, _| Page {
///             items: page.keys,
///             next: page.next,
///         });
///         let found = |key: Key| Found::new(key.id, key.name).made_at(key.created_at);
///         Ok(keys.await?.into_iter().map(found).collect())
///     }
///
///     async fn create(
///         &self,
///         api: Api<'_>,
///         label: &str,
///         _: NoOptions,
///     ) -> Answer<ProvisionedTool> {
///         let key: NewKey = api.post(["keys"]).json(&json!({ "name": label })).fetch().await?;
///         ProvisionedTool::new(&key.id, [("ACME_API_KEY", key.secret)])
///     }
///
///     async fn delete(&self, api: Api<'_>, _: &str, id: &str) -> Answer<()> {
///         api.delete(["keys", id]).done().await.map(drop)
///     }
/// }
///
/// inventory::submit! { ToolRegistration::of::<Acme>(env!("CARGO_PKG_NAME")) }
/// # fn main() {
/// # let (registration, none) = (ToolRegistration::of::<Acme>("acme"), Environment::default());
/// # let error = (registration.build)(&none).unwrap_err();
/// # assert_eq!(error.to_string(), "ACME_ADMIN_KEY is required: A key that may make keys.");
/// # assert_eq!((registration.settings)()[1].variable, "ACME_API_URL");
/// # }
/// ```
///
/// [`ToolProvider`]: crate::ToolProvider
/// [`ToolRegistration::of`]: crate::registry::ToolRegistration::of
#[async_trait]
pub trait HttpTool: fmt::Debug + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The tool's id, as requests name it, such as `acme`.
    const ID: &'static str;
    /// The name that people read.
    const NAME: &'static str;
    /// What an instance gets, such as `per-instance-key`.
    const MODE: &'static str;
    /// The variables that an instance gets; the first is the tool's main one.
    const ENV_KEYS: &'static [&'static str];
    /// Which optional operations are real.
    const CAPABILITIES: ToolCapabilities = ToolCapabilities::VERIFY;
    /// What comes of an instance that is provisioned again.
    const ON_REPEAT: OnRepeat = OnRepeat::Replace;

    /// What a caller may ask of one tool; [`NoOptions`] where there is nothing to ask.
    type Options: DeserializeOwned + Send + Sync;

    /// The vendor's API: where it is, who is asking, how it words its errors.
    ///
    /// # Errors
    /// A key that no header can carry, by its variable.
    fn vendor(&self) -> Result<VendorHttp, SettingsError>;

    /// Everything of the account that may be an instance's, with whatever the vendor shows of it that may
    /// be a label of ours.
    async fn list(&self, api: Api<'_>) -> Answer<Vec<Found>>;

    /// Makes what bears `label`; what it does when that is there already says [`HttpTool::ON_REPEAT`].
    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        options: Self::Options,
    ) -> Answer<ProvisionedTool>;

    /// Removes the resource `id` of the instance whose label is `label`. What is not there may be
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    async fn delete(&self, api: Api<'_>, label: &str, id: &str) -> Answer<()>;

    /// Asked where a destruction finds nothing: whether that means that it is gone.
    ///
    /// By default it does. A vendor that answers the same to a key that does not reach so far has to be
    /// asked more.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # agent_pool_core::doctest_tool! {
    /// // A vendor that answers 404 to a key that may not see the workspace:
    /// async fn gone(&self, api: Api<'_>) -> Answer<()> {
    ///     let blind = "404, and the workspace cannot be seen: is the key allowed to?";
    ///     let seen = api.get(["workspace"]).done().await;
    ///     seen.map(drop).map_err(|_| ErrorKind::Forbidden.because(blind))
    /// }
    /// # }
    /// # doctest::vendor(|_| Some(FakeAnswer::empty(404))).run(async |api| {
    /// assert_eq!(Acme {}.gone(api).await.unwrap_err().kind(), ErrorKind::Forbidden);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Why nothing can be said of it.
    async fn gone(&self, _: Api<'_>) -> Answer<()> {
        Ok(())
    }

    /// What the resource has used so far; see [`ToolProvider::usage`](crate::ToolProvider::usage).
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # agent_pool_core::doctest_tool! {
    /// const CAPABILITIES: ToolCapabilities = ToolCapabilities::VERIFY.and_usage();
    ///
    /// async fn usage(&self, api: Api<'_>, id: &str) -> Answer<Usage> {
    ///     let key: Value = api.get(["keys", id]).fetch().await?;
    ///     let spent = key["spent"].as_f64().ok_or_else(|| ErrorKind::Protocol.because("no amount"))?;
    ///     Ok(Usage([("usd".to_owned(), spent)].into()))
    /// }
    /// # }
    /// # doctest::vendor(|_| Some(FakeAnswer::json(200, &json!({ "spent": 1.25 })))).run(async |api| {
    /// assert_eq!(Acme {}.usage(api, "key-17").await?.0["usd"], 1.25);
    /// # Ok(()) });
    /// ```
    async fn usage(&self, _: Api<'_>, _id: &str) -> Answer<Usage> {
        Err(ProviderError::unsupported("usage"))
    }

    /// Changes the options of a resource; see [`ToolProvider::update`](crate::ToolProvider::update).
    ///
    /// ```
    /// # use agent_pool_core::{doctest, prelude::*};
    /// #[derive(Deserialize, Serialize)]
    /// #[serde(deny_unknown_fields)]
    /// struct Limit { limit: u32 }
    ///
    /// # agent_pool_core::doctest_tool! {
    /// const CAPABILITIES: ToolCapabilities = ToolCapabilities::VERIFY.and_update();
    ///
    /// async fn update(&self, api: Api<'_>, id: &str, options: &ToolOptions) -> Answer<()> {
    ///     let limit: Limit = read_options(options)?;
    ///     api.patch(["keys", id]).json(&limit).done().await.map(drop)
    /// }
    /// # }
    /// # doctest::echo().run(async |api| {
    /// let asked = ToolOptions::from_iter([("limti".to_owned(), 5.into())]);
    /// let error = Acme {}.update(api, "key-17", &asked).await.unwrap_err();
    /// assert!(error.to_string().contains("unknown field `limti`"), "{error}");
    /// # Ok(()) });
    /// ```
    async fn update(&self, _: Api<'_>, _id: &str, _options: &ToolOptions) -> Answer<()> {
        Err(ProviderError::unsupported("update"))
    }

    /// Checks the key with a call that changes nothing; by default it lists.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::{Fault, RetryAfter}, doctest, prelude::*};
    /// # agent_pool_core::doctest_tool! {}
    /// # doctest::echo().misbehaving(Fault::RateLimited(RetryAfter::Seconds(1))).run(async |api| {
    /// let error = Acme {}.verify(api).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::RateLimited);
    /// # Ok(()) });
    /// ```
    async fn verify(&self, api: Api<'_>) -> Answer<()> {
        self.list(api).await.map(drop)
    }
}

/// What comes of an instance that is provisioned again, as after a crash.
///
/// ```
/// # use agent_pool_core::prelude::*;
/// # agent_pool_core::doctest_tool! {
/// // In a tool whose vendor shows the secret again, or takes the label as an idempotency key:
/// const ON_REPEAT: OnRepeat = OnRepeat::Adopt;
/// # }
/// # assert_eq!(Acme::ON_REPEAT, OnRepeat::Adopt);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRepeat {
    /// Everything that bears the label is deleted before [`HttpTool::create`] is called, unless it is the first
    /// attempt, and again where its answer was lost: for a vendor that shows a secret only once.
    Replace,
    /// [`HttpTool::create`] itself finds what is there, or asks a vendor that does.
    Adopt,
}

/// The options of a tool that has none: every one is refused.
///
/// ```
/// use agent_pool_core::prelude::*;
///
/// assert!(read_options::<NoOptions>(&ToolOptions::new()).is_ok());
/// let asked = serde_json::from_str(r#"{"limit": 5}"#).unwrap();
/// let error = read_options::<NoOptions>(&asked).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Invalid);
/// assert!(error.to_string().contains("unknown field `limit`"), "{error}");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// One resource as [`HttpTool::list`] finds it, be it ours or not.
///
/// ```
/// use agent_pool_core::prelude::*;
///
/// // A vendor of mailboxes shows tags, of which one may be ours: `HttpTool` picks it out.
/// let tags = ["support", "ap-dev-k3v9x0a1b2c3"];
/// let found = tags.map(|tag| Found::new("box-7", tag).made_at("2026-08-01T00:00:00Z".to_owned()));
/// assert_eq!((&*found[0].id, &*found[1].id), ("box-7", "box-7"), "told once with each");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The resource, in the vendor's words.
    pub id: String,
    /// What may be a label of ours. A resource that has several is told once with each.
    pub label: String,
    /// When the vendor says that it was made.
    pub created_at: Option<String>,
}

impl Found {
    /// A resource of which the vendor does not say when it was made.
    pub fn new(id: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            created_at: None,
        }
    }

    /// The same with the vendor's time; what is no time is as good as none.
    #[must_use]
    pub fn made_at(mut self, time: impl Into<Option<String>>) -> Self {
        self.created_at = time.into();
        self
    }
}
