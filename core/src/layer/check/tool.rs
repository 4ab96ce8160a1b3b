use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{any_nul, contains_nul, refused};
use crate::{
    Context, EnvName, InstanceId, ListedResource, Metadata, ProviderError, ProvisionedTool,
    ResourceId, Secret, ToolCapabilities, ToolOptions, ToolProvider, Usage,
};

/// Checks the answers of a tool provider. `declared` are the variables of its registration.
#[must_use]
pub fn checked_tool(
    declared: &'static [&'static str],
    inner: Arc<dyn ToolProvider>,
) -> Arc<dyn ToolProvider> {
    Arc::new(CheckedTool { declared, inner })
}

#[derive(Debug)]
struct CheckedTool {
    declared: &'static [&'static str],
    inner: Arc<dyn ToolProvider>,
}

impl CheckedTool {
    fn check(&self, tool: &ProvisionedTool) -> Result<(), String> {
        tool.env
            .iter()
            .try_for_each(|(name, value)| self.check_variable(name, value))?;
        check_metadata(&tool.metadata)
    }

    fn check_variable(&self, name: &EnvName, value: &Secret) -> Result<(), String> {
        let (bytes, limit) = (value.expose().len(), ProvisionedTool::VALUE_LIMIT);
        if !self.declared.contains(&name.as_str()) {
            Err(format!(
                "sets {name}, which its registration does not declare"
            ))
        } else if bytes > limit {
            Err(format!(
                "sets {name} to {bytes} bytes: at most {limit} are taken"
            ))
        } else if contains_nul(value.expose()) {
            Err(format!("sets {name} to a text with a NUL character"))
        } else {
            Ok(())
        }
    }
}

fn check_metadata(metadata: &Metadata) -> Result<(), String> {
    let json = serde_json::to_string(metadata);
    let bytes = json.map_or(usize::MAX, |json| json.len());
    let limit = ProvisionedTool::METADATA_LIMIT;
    if bytes > limit {
        return Err(format!(
            "has metadata of {bytes} bytes: at most {limit} are kept"
        ));
    }
    let has_nul = |(name, value): (&String, &Value)| contains_nul(name) || any_nul(value);
    if metadata.iter().any(has_nul) {
        return Err("has metadata with a NUL character".to_owned());
    }
    Ok(())
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ToolProvider for CheckedTool {
    fn capabilities(&self) -> ToolCapabilities {
        self.inner.capabilities()
    }

    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let tool = self.inner.provision(cx, instance, options).await?;
        let Err(how) = self.check(&tool) else {
            return Ok(tool);
        };
        let undone = self.inner.destroy(cx, instance, &tool.resource).await;
        Err(refused(how, undone))
    }

    async fn destroy(
        &self,
        cx: &Context,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        self.inner.destroy(cx, instance, resource).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        self.inner.list(cx).await
    }

    async fn usage(&self, cx: &Context, resource: &ResourceId) -> Result<Usage, ProviderError> {
        self.inner.usage(cx, resource).await
    }

    async fn update(
        &self,
        cx: &Context,
        resource: &ResourceId,
        options: &ToolOptions,
    ) -> Result<(), ProviderError> {
        self.inner.update(cx, resource, options).await
    }

    async fn refresh(&self, cx: &Context) -> Result<Vec<(ResourceId, Metadata)>, ProviderError> {
        let refreshed = self.inner.refresh(cx).await?;
        let mut each = refreshed.iter();
        let checked = each.try_for_each(|(_, metadata)| check_metadata(metadata));
        checked.map_err(ProviderError::defect)?;
        Ok(refreshed)
    }

    fn notices(&self) -> Vec<String> {
        self.inner.notices()
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        self.inner.verify(cx).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::layer::stack::tests::context;
    use crate::{Effect, ErrorKind};

    /// Returns the configured answer, and records what it should destroy.
    #[derive(Debug)]
    struct FixedAnswer {
        answer: ProvisionedTool,
        holds: bool,
        destroyed: Mutex<Vec<ResourceId>>,
    }

    #[async_trait]
    impl ToolProvider for FixedAnswer {
        async fn provision(
            &self,
            _: &Context,
            _: &InstanceId,
            _: &ToolOptions,
        ) -> Result<ProvisionedTool, ProviderError> {
            Ok(self.answer.clone())
        }

        async fn destroy(
            &self,
            _: &Context,
            _: &InstanceId,
            resource: &ResourceId,
        ) -> Result<(), ProviderError> {
            self.destroyed.lock().unwrap().push(resource.clone());
            match self.holds {
                true => Err(ProviderError::new(ErrorKind::Unavailable, "down")),
                false => Ok(()),
            }
        }

        async fn list(&self, _: &Context) -> Result<Vec<ListedResource>, ProviderError> {
            Ok(Vec::new())
        }

        async fn refresh(&self, _: &Context) -> Result<Vec<(ResourceId, Metadata)>, ProviderError> {
            let ProvisionedTool {
                resource, metadata, ..
            } = self.answer.clone();
            Ok(vec![(resource, metadata)])
        }
    }

    #[tokio::test]
    async fn metadata_that_changes_later_is_checked_too() {
        for (answer, passes) in [
            (good().with("note", "n"), true),
            (good().with("note", "\0"), false),
        ] {
            let fixed = Arc::new(FixedAnswer {
                answer,
                holds: false,
                destroyed: Mutex::default(),
            });
            let checked = checked_tool(&["ACME_KEY"], fixed);
            assert_eq!(checked.refresh(&context()).await.is_ok(), passes);
        }
    }

    fn good() -> ProvisionedTool {
        ProvisionedTool::new("r-1", [("ACME_KEY", Secret::new("k"))]).unwrap()
    }

    async fn provisioned(
        answer: ProvisionedTool,
        holds: bool,
    ) -> (Result<ProvisionedTool, ProviderError>, usize) {
        let inner = Arc::new(FixedAnswer {
            answer,
            holds,
            destroyed: Mutex::default(),
        });
        let checked = checked_tool(&["ACME_KEY"], Arc::clone(&inner) as _);
        let options = ToolOptions::new();
        let result = checked
            .provision(&context(), &InstanceId::generate(), &options)
            .await;
        let destroyed = inner.destroyed.lock().unwrap().len();
        (result, destroyed)
    }

    #[tokio::test]
    async fn a_good_answer_passes() {
        let answer = good().with("note", "n".repeat(ProvisionedTool::METADATA_LIMIT - 20));
        let (result, destroyed) = provisioned(answer.clone(), false).await;
        assert_eq!(result.unwrap(), answer);
        assert_eq!(destroyed, 0);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_a_promise_is_refused_and_undone() {
        let with = |name: &str, value: String| {
            let mut tool = good();
            tool.env.set(name.parse().unwrap(), Secret::new(value));
            tool
        };
        for (answer, problem) in [
            (with("PATH", "/".to_owned()), "sets PATH, which"),
            (with("ACME_KEY", "k".repeat(40_000)), "to 40000 bytes"),
            (
                with("ACME_KEY", "a\0b".to_owned()),
                "ACME_KEY to a text with a NUL",
            ),
            (
                good().with("all", "x".repeat(10 << 20)),
                "metadata of 104857",
            ),
            (
                good().with("deep", json!([{ "a\0": 1 }])),
                "metadata with a NUL",
            ),
        ] {
            let (result, destroyed) = provisioned(answer, false).await;
            let error = result.unwrap_err();
            assert_eq!(
                (error.kind(), error.effect(), destroyed),
                (ErrorKind::Defect, Effect::NotDone, 1)
            );
            let text = error.to_string();
            assert!(
                text.contains(problem) && text.contains("destroyed again"),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn a_failed_undo_has_an_unknown_effect() {
        let answer = good().with("all", "x".repeat(20_000));
        let error = provisioned(answer, true).await.0.unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown);
        assert!(error.to_string().contains("still there"), "{error}");
    }
}
