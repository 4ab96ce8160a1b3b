//! A first attempt creates without a lookup; every later one looks up first.

#![cfg(test)]

use agent_pool_core::conformance::{
    FakeRequest, FakeResponse, FakeServer, FakeVendor, Harness, Held,
};
use agent_pool_core::http::client;
use agent_pool_core::prelude::*;
use agent_pool_core::{Context, InstanceId, Mark, ToolProvider};

/// Creates keys whose secrets are shown once.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// Where the API is.
    api_url: Url,
}

#[async_trait]
impl HttpTool for Keys {
    const ID: &str = "keys";
    const NAME: &str = "Keys";
    const MODE: &str = "per-instance-key";
    const ENV_KEYS: &[&str] = &["KEY"];
    type Options = NoOptions;

    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        Ok(VendorHttp::new(self.api_url.clone()))
    }

    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let labels: Vec<String> = api.get(["keys"]).fetch().await?;
        Ok(labels
            .iter()
            .map(|label| VendorResource::new(label, label))
            .collect())
    }

    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        _: NoOptions,
    ) -> ProviderResult<ProvisionedTool> {
        api.post(["keys"])
            .json(&json!({ "label": label }))
            .execute()
            .await?;
        ProvisionedTool::new(label, [("KEY", Secret::new("sk-123"))])
    }

    async fn delete(&self, api: Api<'_>, _: &str, id: &str) -> ProviderResult<()> {
        api.delete(["keys", id]).execute().await.map(drop)
    }
}

#[derive(Default)]
struct Vendor {
    labels: Vec<String>,
    asked: Vec<String>,
}

impl FakeVendor for Vendor {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![("KEYS_API_URL", url.to_owned())]
    }

    fn respond(&mut self, asked: &FakeRequest) -> Option<FakeResponse> {
        self.asked.push(asked.method().to_owned());
        match asked.method() {
            "GET" => Some(FakeResponse::json(200, &json!(self.labels))),
            "POST" => {
                self.labels.push(asked.member("label")?);
                Some(FakeResponse::json(201, &json!({})))
            }
            _ => {
                self.labels.clear();
                Some(FakeResponse::empty(204))
            }
        }
    }

    fn held(&self) -> Vec<Held> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_first_attempt_makes_at_once_and_a_later_one_looks_first() {
    let fake = FakeServer::start("keys", Vendor::default()).await;
    let registration = ToolRegistration::for_tool::<Keys>("tests");
    let tool: std::sync::Arc<dyn ToolProvider> = (registration.build)(&fake.environment()).unwrap();
    let cx = Context::new(Mark::new(&"dev".parse().unwrap()), client().unwrap());
    let instance = InstanceId::generate();
    for (attempt, calls) in [
        (Attempt::First, ["POST"].as_slice()),
        (Attempt::Later, &["GET", "DELETE", "POST"]),
    ] {
        let cx = cx.with_attempt(attempt);
        tool.provision(&cx, &instance, &ToolOptions::new())
            .await
            .unwrap();
        assert_eq!(
            std::mem::take(&mut fake.vendor().asked),
            calls,
            "{attempt:?}"
        );
    }
    assert_eq!(fake.vendor().labels.len(), 1);
}
