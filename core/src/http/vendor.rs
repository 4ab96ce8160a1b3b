use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::Url;

use super::fault::{self, VendorFault};
use super::{FaultTable, Reply};
use crate::settings::SettingsError;
use crate::{ProviderError, Secret};

/// One vendor's API: its base URL, its key, and how its errors are read.
#[derive(Debug)]
pub struct VendorHttp {
    /// The provider's id, for metrics.
    name: &'static str,
    base: Url,
    auth: Option<Auth>,
    faults: Faults,
}

/// How the vendor's error bodies are read.
#[derive(Debug)]
enum Faults {
    ByStatus,
    By(fn(&Reply) -> Option<VendorFault>),
    Table(&'static FaultTable),
}

#[derive(Debug)]
struct Auth {
    name: HeaderName,
    value: HeaderValue,
    key: Secret,
}

impl VendorHttp {
    /// The API at `base`, called without a key.
    #[must_use]
    pub fn new(base: Url) -> Self {
        Self {
            name: "",
            base,
            auth: None,
            faults: Faults::ByStatus,
        }
    }

    /// The same API with the provider's id as its name in metrics. The kit does this for an
    /// [`HttpTool`](super::HttpTool).
    #[must_use]
    pub const fn named(mut self, provider: &'static str) -> Self {
        self.name = provider;
        self
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// The same API, called with `Authorization: Bearer <key>`. `variable` is the setting that holds the key.
    ///
    /// # Errors
    /// When the key cannot be sent in a header. The error names `variable`, not the key.
    pub fn bearer(self, key: &Secret, variable: &str) -> Result<Self, SettingsError> {
        let text = format!("Bearer {}", key.expose());
        self.with_auth(AUTHORIZATION, &text, key, variable)
    }

    /// The same API, called with the key in the header `name` (in lower case). `variable` is the setting that holds the
    /// key.
    ///
    /// # Errors
    /// As [`VendorHttp::bearer`].
    ///
    /// # Panics
    /// When `name` is not a valid header name.
    pub fn key_header(
        self,
        name: &'static str,
        key: &Secret,
        variable: &str,
    ) -> Result<Self, SettingsError> {
        self.with_auth(HeaderName::from_static(name), key.expose(), key, variable)
    }

    fn with_auth(
        mut self,
        name: HeaderName,
        text: &str,
        key: &Secret,
        variable: &str,
    ) -> Result<Self, SettingsError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| {
            SettingsError::fault(variable, "holds a character that no HTTP header can carry")
        })?;
        value.set_sensitive(true);
        self.auth = Some(Auth {
            name,
            value,
            key: key.clone(),
        });
        Ok(self)
    }

    /// The same API, whose error bodies are read by `read_fault`.
    ///
    /// `read_fault` is called for every reply without a 2xx status, and for those passed to [`VendorHttp::refusal`].
    /// Members that it leaves `None` follow from the status and headers.
    #[must_use]
    pub fn faults(mut self, read_fault: fn(&Reply) -> Option<VendorFault>) -> Self {
        self.faults = Faults::By(read_fault);
        self
    }

    /// The same API, whose error bodies are read by a table; see [`VendorHttp::faults`].
    #[must_use]
    pub const fn fault_table(mut self, table: &'static FaultTable) -> Self {
        self.faults = Faults::Table(table);
        self
    }

    pub(super) const fn base(&self) -> &Url {
        &self.base
    }

    /// The reply, if its status is 2xx. It is for a caller of [`VendorRequest::send`](super::VendorRequest::send) that
    /// handles some other statuses itself.
    ///
    /// # Errors
    /// The error of any other status; see [`VendorHttp::refusal`].
    pub fn check(&self, reply: Reply) -> Result<Reply, ProviderError> {
        self.check_redacted(reply, None)
    }

    pub(super) fn check_redacted(
        &self,
        reply: Reply,
        redacted: Option<&Secret>,
    ) -> Result<Reply, ProviderError> {
        if (200..300).contains(&reply.status()) {
            Ok(reply)
        } else {
            Err(self.refusal_redacted(&reply, redacted))
        }
    }

    /// The error of a reply that is a refusal: by its status, or by its body if the vendor refuses with a 2xx status.
    #[must_use]
    pub fn refusal(&self, reply: &Reply) -> ProviderError {
        self.refusal_redacted(reply, None)
    }

    fn refusal_redacted(&self, reply: &Reply, redacted: Option<&Secret>) -> ProviderError {
        let key = self.auth.as_ref().map(|auth| &auth.key);
        let read = match self.faults {
            Faults::ByStatus => None,
            Faults::By(read) => read(reply),
            Faults::Table(table) => table.read(reply),
        };
        fault::refusal(reply, read, key.into_iter().chain(redacted))
    }

    pub(super) fn auth(&self) -> Option<(&HeaderName, &HeaderValue)> {
        self.auth.as_ref().map(|auth| (&auth.name, &auth.value))
    }
}
