use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Api, ProviderResult, VendorHttp};
use crate::settings::SettingsError;
use crate::{Metadata, ProviderError, ProvisionedTool, ToolCapabilities, ToolOptions, Usage};

/// A tool whose vendor has an HTTP API: what is specific to the vendor, and nothing else.
///
/// The type that implements it is the tool's settings. [`ToolRegistration::for_tool`] turns it into a complete
/// [`ToolProvider`], which
/// - reads the settings, whose variables start with the id in capitals, and names every fault,
/// - reads the caller's options and names the one at fault,
/// - keeps those of [`HttpTool::list`] that bear this environment's mark, each resource once,
/// - provisions an instance again as [`HttpTool::ON_REPEAT`] says,
/// - counts a resource that is absent as destroyed, unless [`HttpTool::confirm_absent`] says otherwise.
///
/// ```
/// use agent_pool_core::prelude::*;
///
/// /// Gives each instance a key of its own at Acme.
/// #[derive(Debug, Deserialize, JsonSchema)]
/// struct Acme {
///     /// A key that may create and delete keys.
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
///     keys: Vec<ListItem<Key>>,
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
///     async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
///         let keys = api.get(["keys"]).fetch_pages("after", |page: Keys, _| Page {
///             items: page.keys,
///             next: page.next,
///         });
///         let resource = |key: Key| VendorResource::new(key.id, key.name).created_at(key.created_at);
///         Ok(keys.await?.into_iter().map(resource).collect())
///     }
///
///     async fn create(
///         &self,
///         api: Api<'_>,
///         label: &str,
///         _: NoOptions,
///     ) -> ProviderResult<ProvisionedTool> {
///         let key: NewKey = api.post(["keys"]).json(&json!({ "name": label })).fetch().await?;
///         ProvisionedTool::new(&key.id, [("ACME_API_KEY", key.secret)])
///     }
///
///     async fn delete(&self, api: Api<'_>, _: &str, id: &str) -> ProviderResult<()> {
///         api.delete(["keys", id]).execute().await.map(drop)
///     }
/// }
///
/// inventory::submit! { ToolRegistration::for_tool::<Acme>(env!("CARGO_PKG_NAME")) }
/// # fn main() {
/// # let (registration, none) = (ToolRegistration::for_tool::<Acme>("acme"), Environment::default());
/// # let error = (registration.build)(&none).unwrap_err();
/// # assert_eq!(error.to_string(), "ACME_ADMIN_KEY is required: A key that may create and delete keys.");
/// # assert_eq!((registration.settings)()[1].variable, "ACME_API_URL");
/// # }
/// ```
///
/// [`ToolProvider`]: crate::ToolProvider
/// [`ToolRegistration::for_tool`]: crate::registry::ToolRegistration::for_tool
#[async_trait]
pub trait HttpTool: fmt::Debug + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The tool's id in requests, such as `acme`.
    const ID: &'static str;
    /// The name for people.
    const NAME: &'static str;
    /// What an instance gets, such as `per-instance-key`.
    const MODE: &'static str;
    /// The variables that an instance gets; the first is the tool's main one.
    const ENV_KEYS: &'static [&'static str];
    /// The optional operations that this tool has.
    const CAPABILITIES: ToolCapabilities = ToolCapabilities::VERIFY;
    /// What happens if an instance is provisioned again.
    const ON_REPEAT: OnRepeat = OnRepeat::Replace;

    /// The options of a provision; [`NoOptions`] if there are none.
    type Options: DeserializeOwned + Send + Sync;

    /// The vendor's API: its URL, the key, and how its errors are read.
    ///
    /// # Errors
    /// A key that cannot be sent in a header.
    fn vendor(&self) -> Result<VendorHttp, SettingsError>;

    /// Every resource of the account that may belong to an instance, with the text that may be one of our labels.
    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>>;

    /// Creates the resource with this label. [`HttpTool::ON_REPEAT`] says who handles an existing one.
    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        options: Self::Options,
    ) -> ProviderResult<ProvisionedTool>;

    /// Removes the resource `id` of the instance with this label. If it does not exist, the result may be
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    async fn delete(&self, api: Api<'_>, label: &str, id: &str) -> ProviderResult<()>;

    /// Called when a destruction finds nothing: confirms that the resource is absent.
    ///
    /// By default it is. A vendor that answers 404 also to a key that may not see the resource needs another request
    /// here, which tells the two apart.
    ///
    /// # Errors
    /// Why it cannot be confirmed.
    async fn confirm_absent(&self, _: Api<'_>) -> ProviderResult<()> {
        Ok(())
    }

    /// What the resource has used so far; see [`ToolProvider::usage`](crate::ToolProvider::usage).
    async fn usage(&self, _: Api<'_>, _id: &str) -> ProviderResult<Usage> {
        Err(ProviderError::unsupported("usage"))
    }

    /// Changes the options of a resource; see [`ToolProvider::update`](crate::ToolProvider::update). The options may be
    /// of another type than those of a provision: read them with [`read_options`](crate::read_options).
    async fn update(&self, _: Api<'_>, _id: &str, _options: &ToolOptions) -> ProviderResult<()> {
        Err(ProviderError::unsupported("update"))
    }

    /// Metadata that changed at the vendor after the provision, by resource id; see
    /// [`ToolProvider::refresh`](crate::ToolProvider::refresh).
    async fn refresh(&self, _: Api<'_>) -> ProviderResult<Vec<(String, Metadata)>> {
        Ok(Vec::new())
    }

    /// What an operator should know about these settings; see [`ToolProvider::notices`](crate::ToolProvider::notices).
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// Checks the key with a call that changes nothing. By default it lists.
    async fn verify(&self, api: Api<'_>) -> ProviderResult<()> {
        self.list(api).await.map(drop)
    }
}

/// What happens if an instance is provisioned again, for example after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRepeat {
    /// Everything with the label is deleted before [`HttpTool::create`], unless it is the first attempt, and again if
    /// the answer of the creation was lost: for a vendor that shows a secret only once.
    Replace,
    /// [`HttpTool::create`] finds what exists already, or the vendor does: for a vendor that shows the secret again, or
    /// that takes the label as an idempotency key.
    Adopt,
}

/// The options of a tool that has none: every option is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// One resource in a vendor's account, ours or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorResource {
    /// The vendor's id.
    pub id: String,
    /// The text that may be one of our labels. A resource with several such texts is listed once with each.
    pub label: String,
    /// When the vendor says it was created.
    pub created_at: Option<String>,
}

impl VendorResource {
    /// A resource without a creation time.
    pub fn new(id: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            created_at: None,
        }
    }

    /// The same resource with the vendor's creation time. A text that is not a time is ignored.
    #[must_use]
    pub fn created_at(mut self, time: impl Into<Option<String>>) -> Self {
        self.created_at = time.into();
        self
    }
}
