//! The variables of a tool as they are stored: the main one separately, all of them sealed.

use agent_pool_core::{EnvName, EnvVars, InstanceId, ToolId};
use agent_pool_service_kit::cipher::{Cipher, CipherError, Owner};
use serde_json::{Map, Value};

/// The variables of one tool of one instance, sealed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SealedEnv {
    /// The main variable.
    pub(crate) key: EnvName,
    /// Its value; `None` if the tool did not set it, or is destroyed.
    pub(crate) value: Option<String>,
    /// The others, name to value.
    pub(crate) more: Map<String, Value>,
}

impl SealedEnv {
    /// Seals the variables that a provider answered. `key` is the first variable of its registration.
    pub(crate) fn seal(
        cipher: &Cipher,
        instance: &InstanceId,
        tool: &ToolId,
        key: EnvName,
        env: &EnvVars,
    ) -> Result<Self, CipherError> {
        let mut value = None;
        let mut more = Map::new();
        for (variable, secret) in env.iter() {
            let owner = [instance.as_str(), tool.as_str(), variable.as_str()];
            let sealed = cipher.seal(Owner(&owner), secret)?;
            if *variable == key {
                value = Some(sealed);
            } else {
                more.insert(variable.to_string(), sealed.into());
            }
        }
        Ok(Self { key, value, more })
    }

    /// The variables, decrypted.
    pub(crate) fn open(
        &self,
        cipher: &Cipher,
        instance: &InstanceId,
        tool: &ToolId,
    ) -> Result<EnvVars, CipherError> {
        let main = self.value.as_deref().map(|text| (self.key.clone(), text));
        let more = self
            .more
            .iter()
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.as_str()?)));
        main.into_iter()
            .chain(more)
            .map(|(variable, text)| {
                let owner = [instance.as_str(), tool.as_str(), variable.as_str()];
                let secret = cipher.open(Owner(&owner), text)?;
                Ok((variable, secret))
            })
            .collect()
    }
}

/// The text to store instead, if the stored one of `owner` (instance, tool and variable) is not sealed with the newest
/// key.
pub(crate) fn reseal(
    cipher: &Cipher,
    owner: [&str; 3],
    text: &str,
) -> Result<Option<String>, CipherError> {
    cipher.reseal(Owner(&owner), text)
}

#[cfg(test)]
mod tests {
    use agent_pool_core::Secret;

    use super::*;

    #[test]
    fn all_variables_of_a_tool_come_back() {
        let keys = Secret::new("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
        let cipher = Cipher::read("KEY", Some(&keys)).unwrap();
        let (instance, tool) = ("abcdefghijkl".parse().unwrap(), "phone".parse().unwrap());
        let key: EnvName = "NUMBER".parse().unwrap();
        let env = EnvVars::from_iter([
            (key.clone(), Secret::new("+15550001111")),
            ("PROFILE".parse().unwrap(), Secret::new("p-1")),
        ]);

        let sealed = SealedEnv::seal(&cipher, &instance, &tool, key, &env).unwrap();
        let shown = format!("{sealed:?}");
        assert!(
            !shown.contains("+1555") && !shown.contains("p-1"),
            "{shown}"
        );
        assert_eq!(sealed.open(&cipher, &instance, &tool).unwrap(), env);
    }
}
