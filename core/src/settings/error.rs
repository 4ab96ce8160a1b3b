//! Faults of settings: all of them, not only the first.

use std::fmt;

/// One variable that is missing or wrong.
///
/// ```
/// use agent_pool_core::settings::SettingsError;
///
/// let error = SettingsError::fault("ACME_REGION", "is \"moon\": expected eu or us");
/// assert_eq!(error.faults()[0].variable, "ACME_REGION");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The environment variable.
    pub variable: String,
    /// What is wrong with it, and what was expected. Never the value of a secret.
    pub problem: String,
}

/// Every fault of the settings, not only the first.
///
/// ```
/// use agent_pool_core::settings::SettingsError;
///
/// let error = SettingsError::fault("ACME_API_KEY", "is required")
///     .and(SettingsError::fault("ACME_LIMIT", "is \"x\": expected a whole number"));
/// assert_eq!(error.to_string().lines().count(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    pub(super) faults: Vec<SettingFault>,
}

impl SettingsError {
    /// An error of one fault, for a check that a type cannot make.
    pub fn fault(variable: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            faults: vec![SettingFault {
                variable: variable.into(),
                problem: problem.into(),
            }],
        }
    }

    /// The faults, in order of their fields.
    ///
    /// ```
    /// # use agent_pool_core::settings::SettingsError;
    /// let error = SettingsError::fault("ACME_LIMIT", "is \"x\": expected a whole number");
    /// assert_eq!(error.faults()[0].variable, "ACME_LIMIT");
    /// ```
    #[must_use]
    pub fn faults(&self) -> &[SettingFault] {
        &self.faults
    }

    /// Adds the faults of another error.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.faults.extend(other.faults);
        self
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, SettingFault { variable, problem }) in self.faults.iter().enumerate() {
            write!(
                f,
                "{}{variable} {problem}",
                if index == 0 { "" } else { "\n" }
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

/// Collects the faults of several results, so that all are reported at once.
///
/// ```
/// use agent_pool_core::settings::{Faults, SettingsError};
///
/// let mut faults = Faults::default();
/// let limit = faults.keep(Ok(20));
/// let region: Option<&str> = faults.keep(Err(SettingsError::fault("ACME_REGION", "is required")));
/// let error = faults.finish(limit.zip(region)).unwrap_err();
/// assert_eq!(error.to_string(), "ACME_REGION is required");
/// ```
#[derive(Debug, Default)]
pub struct Faults(Option<SettingsError>);

impl Faults {
    /// Returns the value, or keeps the faults.
    pub fn keep<T>(&mut self, reading: Result<T, SettingsError>) -> Option<T> {
        match reading {
            Ok(value) => Some(value),
            Err(error) => {
                self.0 = Some(match self.0.take() {
                    Some(earlier) => earlier.and(error),
                    None => error,
                });
                None
            }
        }
    }

    /// Returns the value, unless faults were kept.
    ///
    /// # Errors
    /// All the faults that were kept.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, SettingsError> {
        match (self.0, value) {
            (None, Some(value)) => Ok(value),
            (Some(error), _) => Err(error),
            (None, None) => Err(SettingsError { faults: Vec::new() }),
        }
    }
}
