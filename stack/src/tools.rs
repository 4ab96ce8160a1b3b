//! The tools of `--tools`: whether this build has them, and their settings.

use agent_pool_core::ToolId;
use agent_pool_core::registry::Registry;
use agent_pool_core::settings::Environment;

/// Adds to `settings` the variables of `process` that these tools read, and nothing else of the user's environment.
/// A variable in `settings` is not overwritten.
///
/// # Errors
/// This build lacks a tool, a tool's settings are missing or wrong, or two tools set the same variable of an instance.
pub(crate) fn settings(
    tools: &[ToolId],
    mut settings: Environment,
    process: &Environment,
) -> anyhow::Result<Environment> {
    let known = Registry::collect(&Environment::default())?;
    for (_, entry) in known.tools().filter(|(id, _)| tools.contains(id)) {
        for setting in entry.registration.reference() {
            let given = process.get(&setting.variable);
            if let (None, Some(value)) = (settings.get(&setting.variable), given) {
                settings.set(setting.variable, value);
            }
        }
    }
    let registry = Registry::collect(&settings)?;
    for tool in tools {
        registry.tool(tool)?;
    }
    registry.together(tools)?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(names: &[&str]) -> Vec<ToolId> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn settings_of(names: &[&str], process: &[(&str, &str)]) -> anyhow::Result<Environment> {
        let process = process.iter().copied().collect();
        let settings = Environment::from_iter([("TELNYX_API_URL", "http://127.0.0.1:1")]);
        super::settings(&tools(names), settings, &process)
    }

    #[test]
    fn a_tool_gets_its_settings_and_nothing_else_of_the_environment() {
        let process = [
            ("TELNYX_API_KEY", "KEY1"),
            ("TELNYX_API_URL", "https://api.telnyx.com"),
            ("TELNYX_MAX_ATTEMPTS", "2"),
            ("AGENTMAIL_API_KEY", "am"),
            ("POOL_MIN_IDLE", "50"),
        ];
        let found = settings_of(&["telnyx"], &process).unwrap();
        assert_eq!(found.get("TELNYX_API_KEY"), Some("KEY1"));
        assert_eq!(found.get("TELNYX_MAX_ATTEMPTS"), Some("2"));
        assert_eq!(
            found.get("TELNYX_API_URL"),
            Some("http://127.0.0.1:1"),
            "the backend's own settings win"
        );
        assert_eq!(found.get("AGENTMAIL_API_KEY"), None);
        assert_eq!(found.get("POOL_MIN_IDLE"), None);
    }

    #[test]
    fn a_tool_that_cannot_be_used_is_refused_with_the_reason() {
        let problem = |names: &[&str]| settings_of(names, &[]).unwrap_err().to_string();
        let unknown = problem(&["nosuch"]);
        assert!(
            unknown.contains("nosuch") && unknown.contains("mock-llm"),
            "{unknown}"
        );
        let unconfigured = problem(&["agentmail"]);
        assert!(
            unconfigured.contains("AGENTMAIL_API_KEY is required"),
            "{unconfigured}"
        );
        let keys = [("OPENROUTER_MANAGEMENT_KEY", "sk")];
        let clash = settings_of(&["mock-llm", "openrouter"], &keys).unwrap_err();
        assert!(clash.to_string().contains("OPENROUTER_API_KEY"), "{clash}");
    }
}
