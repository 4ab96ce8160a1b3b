use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use super::{any_nul, contains_nul, refused, text_fault};
use crate::{
    Context, CreatedInfra, EnvVars, InfraCapabilities, InfraHandle, InfraOptions, InfraProvider,
    InstanceId, InstanceSpec, ListedInstance, LogLine, NoticeError, ProviderError, Redeploy,
    Secret, VendorNotice,
};

/// Checks the answers of an infra provider.
#[must_use]
pub fn checked_infra(inner: Arc<dyn InfraProvider>) -> Arc<dyn InfraProvider> {
    Arc::new(CheckedInfra { inner })
}

#[derive(Debug)]
struct CheckedInfra {
    inner: Arc<dyn InfraProvider>,
}

fn check(created: &CreatedInfra) -> Result<(), String> {
    let CreatedInfra { handle, url } = created;
    // JSON text escapes control characters. The one that a row cannot store is NUL.
    let data = handle.data.to_string();
    let texts = [
        ("image", handle.image.as_deref()),
        ("data", Some(data.as_str())),
        ("url", Some(url.as_str())),
    ];
    for (what, text) in texts {
        if let Some(how) = text.and_then(text_fault) {
            return Err(format!("answers with a handle whose {what} {how}"));
        }
    }
    if any_nul(&handle.data) {
        return Err("answers with a handle whose data has a NUL character".to_owned());
    }
    if !is_web(url) {
        return Err(format!("answers with {url}, which is not an http address"));
    }
    Ok(())
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl InfraProvider for CheckedInfra {
    fn capabilities(&self) -> InfraCapabilities {
        self.inner.capabilities()
    }

    fn default_image(&self) -> Option<&str> {
        self.inner.default_image()
    }

    fn recipe_settings(&self) -> &'static [&'static str] {
        self.inner.recipe_settings()
    }

    fn check_options(&self, options: &InfraOptions) -> Result<(), ProviderError> {
        self.inner.check_options(options)
    }

    async fn resolve_image(
        &self,
        cx: &Context,
        image: &str,
    ) -> Result<Option<String>, ProviderError> {
        self.inner.resolve_image(cx, image).await
    }

    fn takes_notices(&self) -> bool {
        self.inner.takes_notices()
    }

    fn read_notice(&self, secret: &Secret, body: &[u8]) -> Result<VendorNotice, NoticeError> {
        let notice = self.inner.read_notice(secret, body)?;
        if contains_nul(&notice.id) {
            return Err(NoticeError::Malformed);
        }
        Ok(notice)
    }

    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        let created = self.inner.create(cx, instance, spec).await?;
        // Not undone: the handle may name the other instance's resources.
        if created.handle.instance != *instance {
            let other = &created.handle.instance;
            let how = format!("answers with the handle of instance {other}");
            return Err(ProviderError::defect(how));
        }
        let Err(how) = check(&created) else {
            return Ok(created);
        };
        let undone = self.inner.destroy(cx, &created.handle).await;
        Err(refused(how, undone))
    }

    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        self.inner.configure(cx, handle, variables, redeploy).await
    }

    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        self.inner.redeploy(cx, handle).await
    }

    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        self.inner.destroy(cx, handle).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        self.inner.list(cx).await
    }

    async fn logs(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        self.inner.logs(cx, handle, lines).await
    }

    async fn update_image(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        image: &str,
    ) -> Result<(), ProviderError> {
        self.inner.update_image(cx, handle, image).await
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        self.inner.verify(cx).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn created() -> CreatedInfra {
        CreatedInfra {
            handle: InfraHandle {
                image: Some("ghcr.io/acme/runtime:1".to_owned()),
                data: json!({ "zone": "eu-1" }),
                ..InfraHandle::new(InstanceId::generate(), "svc-1".parse().unwrap())
            },
            url: "https://a.example/".parse().unwrap(),
        }
    }

    #[test]
    fn a_handle_that_no_row_can_keep_is_refused_by_name() {
        assert_eq!(check(&created()), Ok(()));
        let with = |change: fn(&mut CreatedInfra)| {
            let mut created = created();
            change(&mut created);
            check(&created).unwrap_err()
        };
        let error = with(|one| one.handle.image = Some("v\0".to_owned()));
        assert!(
            error.contains("whose image has a control character"),
            "{error}"
        );
        let error = with(|one| one.handle.data = json!({ "volumes": ["v\0"] }));
        assert!(error.contains("whose data has a NUL character"), "{error}");
        let error = with(|one| one.handle.data = json!({ "zone": "e".repeat(2_000) }));
        assert!(error.contains("whose data is longer"), "{error}");
        let error = with(|one| one.url = "file:///etc/passwd".parse().unwrap());
        assert!(error.contains("not an http address"), "{error}");
    }
}
