//! Runs the conformance suite on the mocks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::conformance::{
    self, Fault, Harness, Held, InfraHarness, RetryAfter, ToolHarness, Unsupported,
};
use agent_pool_core::registry::{InfraRegistration, ToolRegistration};
use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{EnvVars, ErrorKind, InfraHandle, InfraProvider, ToolProvider};
use async_trait::async_trait;
use mock_provider::{LLM, MockInfra, MockTool, Settings, Vendor};

/// Cases that the mocks cannot show, and why.
const TOOL_CANNOT: &[(&str, &str)] = &[
    ("refused_is_not_gone", NO_KEY),
    ("wrong_key", NO_KEY),
    ("three_pages", IN_MEMORY),
    ("missing_settings", "every setting has a default"),
    ("usable", IN_MEMORY),
];
const INFRA_CANNOT: &[(&str, &str)] = &[
    ("refused_is_not_gone", NO_KEY),
    ("wrong_key", NO_KEY),
    ("three_pages", IN_MEMORY),
    ("missing_settings", "every setting has a default"),
    ("addresses_differ", "the address is a setting"),
    ("data_survives", IN_MEMORY),
    ("image_changes", IN_MEMORY),
    ("options_apply", "it takes no options"),
    ("ended_is_dead", IN_MEMORY),
    ("written_lines", IN_MEMORY),
];
const NO_KEY: &str = "the vendor is in memory and has no key";
const IN_MEMORY: &str = "the vendor is in memory, and nothing runs";

#[tokio::test(start_paused = true)]
async fn the_tool_keeps_every_promise() {
    let tool = MockTool::new(LLM, &settings());
    conformance::tool(&AtMock(Arc::new(tool)))
        .await
        .assert_ran(TOOL_CANNOT);
}

#[tokio::test(start_paused = true)]
async fn the_infra_keeps_every_promise() {
    let infra = MockInfra::new(settings());
    conformance::infra(&AtMock(Arc::new(infra)))
        .await
        .assert_ran(INFRA_CANNOT);
}

/// A provider that all cases share, because its vendor lives in it.
struct AtMock<P>(Arc<P>);

/// The vendor in a mock, whatever it holds.
trait Mock: Send + Sync {
    type Thing: Send;

    fn vendor(&self) -> &Vendor<Self::Thing>;
}

#[async_trait]
impl<P: Mock> Harness for AtMock<P> {
    fn environment(&self) -> Environment {
        Environment::default()
    }

    async fn held(&self) -> Vec<Held> {
        let names = self.0.vendor().names().into_iter();
        let held = names.map(|label| Held {
            kind: "thing",
            label,
        });
        held.collect()
    }

    fn page_size(&self) -> Option<usize> {
        None
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        let vendor = self.0.vendor();
        match fault {
            Fault::LostAnswer(_) => vendor.lose_next_answer(),
            Fault::RateLimited(form) => vendor.refuse_all(ErrorKind::RateLimited, Some(wait(form))),
            Fault::Unavailable | Fault::Cut => vendor.refuse_all(ErrorKind::Unavailable, None),
            Fault::Hang => vendor.take_time(Duration::MAX),
            Fault::NotJson => vendor.refuse_all(ErrorKind::Protocol, None),
        }
        Ok(())
    }

    async fn heal(&self) {
        self.0.vendor().recover();
    }
}

impl Mock for MockTool {
    type Thing = chrono::DateTime<chrono::Utc>;

    fn vendor(&self) -> &Vendor<Self::Thing> {
        Self::vendor(self)
    }
}

impl ToolHarness for AtMock<MockTool> {
    fn registration(&self) -> ToolRegistration {
        let mut linked = inventory::iter::<ToolRegistration>.into_iter();
        *linked.find(|one| one.id == "mock-llm").unwrap()
    }

    fn build(&self, _: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        Ok(Arc::clone(&self.0) as _)
    }
}

impl Mock for MockInfra {
    type Thing = mock_provider::Service;

    fn vendor(&self) -> &Vendor<Self::Thing> {
        Self::vendor(self)
    }
}

#[async_trait]
impl InfraHarness for AtMock<MockInfra> {
    fn registration(&self) -> InfraRegistration {
        let mut linked = inventory::iter::<InfraRegistration>.into_iter();
        *linked.find(|one| one.id == "mock").unwrap()
    }

    fn build(&self, _: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        Ok(Arc::clone(&self.0) as _)
    }

    async fn deployments(&self, handle: &InfraHandle) -> Option<Vec<EnvVars>> {
        let service = self.0.vendor().get(handle.service.as_str());
        Some(service.unwrap_or_default().deployments)
    }

    fn shared_address(&self) -> Option<Unsupported> {
        Some(Unsupported(
            "it runs nothing: every instance has the address of the setting",
        ))
    }
}

fn settings() -> Settings {
    Settings::read(&Environment::default()).unwrap()
}

fn wait(form: RetryAfter) -> Duration {
    match form {
        RetryAfter::Seconds(seconds) => Duration::from_secs(seconds),
        RetryAfter::Date(at) => (at - chrono::Utc::now()).to_std().unwrap_or_default(),
    }
}
