//! A tool's id, and the names that follow from it.

use std::str::FromStr;

use agent_pool_core::ToolId;
use anyhow::bail;

use crate::texts;

/// Names that a type cannot have, or that Rust defines everywhere.
const OF_RUST: [&str; 14] = [
    "Self", "Option", "Some", "None", "Result", "Ok", "Err", "String", "Vec", "Box", "Send",
    "Sync", "Copy", "Default",
];

/// The id of a new tool, which names its crate, its type and its variables too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(ToolId);

impl Name {
    /// Such as `acme-mail`.
    pub(crate) fn id(&self) -> &str {
        self.0.as_str()
    }

    /// Such as `acme_mail`.
    pub(crate) fn snake(&self) -> String {
        self.id().replace('-', "_")
    }

    /// Such as `ACME_MAIL`, which begins its variables.
    pub(crate) fn upper(&self) -> String {
        self.snake().to_ascii_uppercase()
    }

    /// Such as `AcmeMail`.
    pub(crate) fn camel(&self) -> String {
        let capital = |part: &str| {
            let (first, rest) = part.split_at(1);
            first.to_ascii_uppercase() + rest
        };
        self.parts().map(capital).collect()
    }

    /// Such as `provider-acme-mail`.
    pub(crate) fn package(&self) -> String {
        format!("provider-{}", self.id())
    }

    /// Such as `provider_acme_mail`.
    pub(crate) fn library(&self) -> String {
        format!("provider_{}", self.snake())
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.id().split('-')
    }
}

impl FromStr for Name {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = Self(text.parse()?);
        if name.parts().any(str::is_empty) {
            bail!(
                "{text:?} has a - that is not between two words, as in the names of its variables"
            );
        }
        if OF_RUST.contains(&name.camel().as_str()) || texts::has_word(&name.camel()) {
            let type_name = name.camel();
            bail!(
                "{text:?} would name a type {type_name}, which the code of a provider already uses: choose another name, such as {text}-tool"
            );
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        text.parse::<Name>().unwrap_err().to_string()
    }

    #[test]
    fn every_name_follows_from_the_id() {
        let name: Name = "acme-mail2".parse().unwrap();
        assert_eq!(name.camel(), "AcmeMail2");
        assert_eq!(name.upper(), "ACME_MAIL2");
        assert_eq!(name.package(), "provider-acme-mail2");
        assert_eq!(name.library(), "provider_acme_mail2");
    }

    #[test]
    fn what_would_not_compile_is_refused_with_the_reason() {
        for bad in ["", "Acme", "1acme", "a_b", "a/b", "../x", &"a".repeat(33)] {
            assert!(problem(bad).contains("expected at most 32"), "{bad}");
        }
        for bad in ["acme-", "a--b"] {
            assert!(problem(bad).contains("between two words"), "{bad}");
        }
        for bad in ["self", "option", "secret", "api", "http-tool"] {
            assert!(problem(bad).contains("already uses"), "{bad}");
        }
    }
}
