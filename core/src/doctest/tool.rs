//! A tool of the HTTP kit, of which an example shows one member.

/// `Acme` as an [`HttpTool`](crate::http::HttpTool) with the members that are given, and next to nothing
/// where all tools must have one.
#[doc(hidden)]
#[macro_export]
macro_rules! doctest_tool {
    ($($member:tt)*) => {
        #[derive(Debug, $crate::prelude::Deserialize, $crate::prelude::JsonSchema)]
        struct Acme {}

        #[async_trait::async_trait]
        impl $crate::http::HttpTool for Acme {
            const ID: &str = "acme-maps";
            const NAME: &str = "Acme";
            const MODE: &str = "per-instance-key";
            const ENV_KEYS: &[&str] = &["ACME_KEY"];
            type Options = $crate::http::NoOptions;

            fn vendor(&self) -> Result<$crate::http::VendorHttp, $crate::settings::SettingsError> {
                let base = $crate::settings::url("https://api.acme.example");
                Ok($crate::http::VendorHttp::new(base))
            }

            async fn list(
                &self,
                api: $crate::http::Api<'_>,
            ) -> $crate::http::ProviderResult<Vec<$crate::http::VendorResource>> {
                api.get(["keys"]).execute().await.map(|_| Vec::new())
            }

            async fn create(
                &self,
                _: $crate::http::Api<'_>,
                label: &str,
                _: $crate::http::NoOptions,
            ) -> $crate::http::ProviderResult<$crate::ProvisionedTool> {
                $crate::ProvisionedTool::new(label, [])
            }

            async fn delete(
                &self,
                _: $crate::http::Api<'_>,
                _: &str,
                _: &str,
            ) -> $crate::http::ProviderResult<()> {
                Ok(())
            }

            $($member)*
        }
    };
}
