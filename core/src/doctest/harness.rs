//! Providers without a vendor, as the suite is given them: it finds out that they keep few promises.

use async_trait::async_trait;

use super::{Acme, Elsewhere};
use crate::conformance::{Harness, Held, InfraHarness, ToolHarness};
use crate::registry::{InfraRegistration, ToolRegistration};
use crate::settings::Environment;

/// [`Acme`] and [`Elsewhere`], under test.
#[derive(Debug)]
pub struct AtNothing;

#[async_trait]
impl Harness for AtNothing {
    fn environment(&self) -> Environment {
        Environment::from_iter([("ACME_API_KEY", "sk-fake-31c7")])
    }

    async fn held(&self) -> Vec<Held> {
        Vec::new()
    }

    fn page_size(&self) -> Option<usize> {
        None
    }
}

impl ToolHarness for AtNothing {
    fn registration(&self) -> ToolRegistration {
        Acme::REGISTRATION
    }
}

impl InfraHarness for AtNothing {
    fn registration(&self) -> InfraRegistration {
        Elsewhere::REGISTRATION
    }
}
