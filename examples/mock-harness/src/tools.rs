//! The tools of `--tools`: that this build has them, and what they are told.

use agent_pool_core::ToolId;
use agent_pool_core::registry::Registry;
use agent_pool_core::settings::Environment;

/// What services-svc is told for these tools: `settings`, which win, and of `process` the variables
/// that the tools read, so that nothing else of a user's environment gets into the demonstration.
///
/// # Errors
/// A tool that this build does not have, one whose settings are missing or wrong, and two that set the
/// same variable of an instance.
pub(crate) fn told(
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

    fn told_of(names: &[&str], process: &[(&str, &str)]) -> anyhow::Result<Environment> {
        let process = process.iter().copied().collect();
        let settings = Environment::from_iter([("TELNYX_API_URL", "http://127.0.0.1:1")]);
        told(&tools(names), settings, &process)
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
        let told = told_of(&["telnyx"], &process).unwrap();
        assert_eq!(told.get("TELNYX_API_KEY"), Some("KEY1"));
        assert_eq!(told.get("TELNYX_MAX_ATTEMPTS"), Some("2"));
        assert_eq!(
            told.get("TELNYX_API_URL"),
            Some("http://127.0.0.1:1"),
            "the ground's own settings win"
        );
        assert_eq!(told.get("AGENTMAIL_API_KEY"), None);
        assert_eq!(told.get("POOL_MIN_IDLE"), None);
    }

    #[test]
    fn what_cannot_be_had_is_said_before_anything_starts() {
        let problem = |names: &[&str]| told_of(names, &[]).unwrap_err().to_string();
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
        let clash = told_of(&["mock-llm", "openrouter"], &keys).unwrap_err();
        assert!(clash.to_string().contains("OPENROUTER_API_KEY"), "{clash}");
    }
}
