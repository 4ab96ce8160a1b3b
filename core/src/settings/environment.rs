//! The variables that settings are read from.

use std::collections::BTreeMap;
use std::fmt;

/// The variables that settings are read from.
///
/// ```
/// use agent_pool_core::settings::Environment;
///
/// let environment = Environment::from_iter([("ACME_API_KEY", "sk-123"), ("ACME_LIMIT", "")]);
/// assert_eq!(environment.get("ACME_API_KEY"), Some("sk-123"));
/// assert_eq!(environment.get("ACME_LIMIT"), None);
/// ```
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. Only for `main`.
    ///
    /// ```
    /// # use agent_pool_core::settings::Environment;
    /// let environment = Environment::of_process();
    /// assert!(environment.get("PATH").is_some());
    /// ```
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable. An empty one counts as not set, because compose files set missing variables to empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Sets one variable.
    ///
    /// ```
    /// # use agent_pool_core::settings::Environment;
    /// let mut environment = Environment::from_iter([("ACME_API_KEY", "sk-123")]);
    /// environment.set("ACME_API_KEY", "another");
    /// assert_eq!(environment.get("ACME_API_KEY"), Some("another"));
    /// ```
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Every variable whose name begins with `prefix`: its name without the prefix, and its value.
    ///
    /// ```
    /// # use agent_pool_core::settings::Environment;
    /// let environment = Environment::from_iter([("ACME_API_KEY", "sk-123"), ("PORT", "80")]);
    /// assert!(environment.with_prefix("ACME_").eq([("API_KEY", "sk-123")]));
    /// ```
    pub fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// Shows names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_only() {
        let environment = Environment::from_iter([("ACME_API_KEY", "hunter2")]);
        let shown = format!("{environment:?}");
        assert!(
            shown.contains("ACME_API_KEY") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let environment = Environment::from_iter([("EMPTY", ""), ("SET", "x")]);
        assert_eq!(
            (environment.get("EMPTY"), environment.get("SET")),
            (None, Some("x"))
        );
    }

    #[test]
    fn a_prefix_selects_and_is_taken_off() {
        let environment = Environment::from_iter([("INSTANCE_ENV_TZ", "UTC"), ("OTHER", "x")]);
        let found: Vec<_> = environment.with_prefix("INSTANCE_ENV_").collect();
        assert_eq!(found, [("TZ", "UTC")]);
    }
}
