use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::Url;

use super::fault::{self, VendorFault};
use super::{Api, FaultTable, Reply};
use crate::settings::SettingsError;
use crate::{Context, ProviderError, Secret};

/// One vendor's API: where it is, who is asking, and how it words its errors.
///
/// ```
/// use agent_pool_core::prelude::*;
///
/// let key = Secret::new("sk-123");
/// let base = settings::url("https://api.acme.example/v1");
/// let vendor = VendorHttp::new(base.clone()).bearer(&key, "ACME_API_KEY").unwrap();
/// assert!(!format!("{vendor:?}").contains("sk-123"), "no key is shown");
///
/// // A key with the line end of the file that it was copied from:
/// let key = Secret::new("sk-123\n");
/// let error = VendorHttp::new(base).key_header("x-api-key", &key, "ACME_API_KEY").unwrap_err();
/// assert_eq!(error.to_string(), "ACME_API_KEY holds a character that no HTTP header can carry");
/// ```
#[derive(Debug)]
pub struct VendorHttp {
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
    /// The API under `base`, asked without a key.
    #[must_use]
    pub fn new(base: Url) -> Self {
        Self {
            base,
            auth: None,
            faults: Faults::ByStatus,
        }
    }

    /// The same, sending `Authorization: Bearer <key>`. `variable` is where the key is from.
    ///
    /// # Errors
    /// When the key cannot be sent in a header; it names `variable` and not the key.
    pub fn bearer(self, key: &Secret, variable: &str) -> Result<Self, SettingsError> {
        let text = format!("Bearer {}", key.expose());
        self.with_auth(AUTHORIZATION, &text, key, variable)
    }

    /// The same, sending the key in a header of its own, whose name is in lower case. `variable` is where
    /// the key is from.
    ///
    /// # Errors
    /// As [`VendorHttp::bearer`].
    ///
    /// # Panics
    /// When no header has such a name: the code that states it is wrong.
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

    /// The same, reading this vendor's error bodies with `read_fault`.
    ///
    /// It is asked about every reply without a 2xx status, and about those that [`VendorHttp::refusal`] is asked
    /// about; what it leaves open follows from the status.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # doctest::vendor(|_| Some(FakeAnswer::json(403, &json!({ "wait": 30 })))).with(|vendor|
    /// vendor.faults(|reply| {
    ///     let wait = reply.json::<Value>().ok()?.get("wait")?.as_u64()?;
    ///     Some(VendorFault {
    ///         kind: Some(ErrorKind::RateLimited),
    ///         retry_after: Some(Duration::from_secs(wait)),
    ///         ..VendorFault::default()
    ///     })
    /// })
    /// # ).run(async |api| {
    /// # let error = api.get(["keys"]).done().await.unwrap_err();
    /// # assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(30))));
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn faults(mut self, read_fault: fn(&Reply) -> Option<VendorFault>) -> Self {
        self.faults = Faults::By(read_fault);
        self
    }

    /// The same, reading this vendor's error bodies by a table; see [`VendorHttp::faults`].
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest};
    /// use agent_pool_core::prelude::*;
    ///
    /// const FAULTS: FaultTable = FaultTable {
    ///     code: "/code",
    ///     words: &["/reason"],
    ///     kinds: &[(ErrorKind::Conflict, "name_taken")],
    ///     passing: "busy",
    /// };
    /// # let body = json!({ "code": "name_taken", "reason": "there is one" });
    /// # let answer = move |_: &_| Some(FakeAnswer::json(400, &body));
    /// # doctest::vendor(answer).with(|vendor| vendor.fault_table(&FAULTS)).run(async |api| {
    /// // 400 {"code": "name_taken", "reason": "there is one"}
    /// let error = api.post(["keys"]).done().await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Conflict);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub const fn fault_table(mut self, table: &'static FaultTable) -> Self {
        self.faults = Faults::Table(table);
        self
    }

    /// The API for the calls of one operation, within `cx`.
    ///
    /// ```
    /// use agent_pool_core::prelude::*;
    ///
    /// # let cx = agent_pool_core::doctest::cx();
    /// # agent_pool_core::doctest::run(async {
    /// let vendor = VendorHttp::new(settings::url("https://api.acme.example"));
    /// // Nothing is sent where no time is left.
    /// let error = vendor.on(&cx.within(Duration::ZERO)).get(["keys"]).done().await.unwrap_err();
    /// assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::NotDone));
    /// # });
    /// ```
    #[must_use]
    pub const fn on<'a>(&'a self, cx: &'a Context) -> Api<'a> {
        Api::new(self, cx)
    }

    pub(super) const fn base(&self) -> &Url {
        &self.base
    }

    /// The reply, where its status is 2xx.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # doctest::vendor(|_| Some(FakeAnswer::json(404, &json!("gone")))).run(async |api| {
    /// // A vendor whose 404 is an answer too:
    /// let reply = api.get(["keys", "key-17"]).send().await?;
    /// let key = match reply.status() {
    ///     404 => None,
    ///     _ => Some(api.vendor().check(reply)?.json::<Value>()?),
    /// };
    /// assert_eq!(key, None);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// What another status means; see [`VendorHttp::refusal`].
    pub fn check(&self, reply: Reply) -> Result<Reply, ProviderError> {
        self.check_hiding(reply, None)
    }

    pub(super) fn check_hiding(
        &self,
        reply: Reply,
        hidden: Option<&Secret>,
    ) -> Result<Reply, ProviderError> {
        if (200..300).contains(&reply.status()) {
            Ok(reply)
        } else {
            Err(self.refusal_hiding(&reply, hidden))
        }
    }

    /// The error that a refusing reply means, by its status or, where the vendor refuses under a 2xx, by
    /// its words.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # doctest::vendor(|_| Some(FakeAnswer::json(200, &json!({ "error": "sk-123 is no key" })))).run(async |api| {
    /// // A vendor that refuses under 200, and repeats the key:
    /// let reply = api.get(["keys"]).done().await?;
    /// let error = api.vendor().refusal(&reply).to_string();
    /// assert!(error.ends_with(r#"answered 200: {"error":"… is no key"}"#), "{error}");
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn refusal(&self, reply: &Reply) -> ProviderError {
        self.refusal_hiding(reply, None)
    }

    fn refusal_hiding(&self, reply: &Reply, hidden: Option<&Secret>) -> ProviderError {
        let key = self.auth.as_ref().map(|auth| &auth.key);
        let read = match self.faults {
            Faults::ByStatus => None,
            Faults::By(read) => read(reply),
            Faults::Table(table) => table.read(reply),
        };
        fault::refusal(reply, read, key.into_iter().chain(hidden))
    }

    pub(super) fn auth(&self) -> Option<(&HeaderName, &HeaderValue)> {
        self.auth.as_ref().map(|auth| (&auth.name, &auth.value))
    }
}
