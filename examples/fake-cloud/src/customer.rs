//! The settings of a customer of the four vendors.

use crate::FakeCloud;

impl FakeCloud {
    /// The variables that the real providers read: URLs, keys, and the Railway project that exists from the
    /// start.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let options = self.options();
        let first = |keys: &[String]| keys.first().cloned().unwrap_or_default();
        vec![
            ("INFRA_PROVIDER", "railway".to_owned()),
            ("RAILWAY_API_URL", self.railway_url()),
            ("RAILWAY_API_TOKEN", options.railway.tokens.account.clone()),
            ("RAILWAY_PROJECT_ID", self.railway_project_id()),
            ("RAILWAY_ENVIRONMENT_ID", self.railway_environment_id()),
            (
                "RAILWAY_RUNTIME_IMAGE",
                "ghcr.io/example/agent-runtime:latest".to_owned(),
            ),
            ("OPENROUTER_API_URL", self.openrouter_url()),
            (
                "OPENROUTER_MANAGEMENT_KEY",
                first(&options.openrouter.management_keys),
            ),
            ("AGENTMAIL_API_URL", self.agentmail_url()),
            ("AGENTMAIL_API_KEY", first(&options.agentmail.api_keys)),
            ("TELNYX_API_URL", self.telnyx_url()),
            ("TELNYX_API_KEY", first(&options.telnyx.api_keys)),
        ]
    }
}
