//! The catalogue of ready-made agents.

use std::collections::BTreeSet;
use std::path::Path;

use agent_pool_core::wire::pool::Template;

/// Ready-made agents, each with its own slug.
#[derive(Debug, Clone)]
pub struct Catalogue(Vec<Template>);

const BUILT_IN: &str = include_str!("templates.json");

impl Catalogue {
    /// Reads a file, or the built-in catalogue without one.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, String> {
        let Some(path) = file else {
            return Self::parse(BUILT_IN);
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("names {}, which cannot be read: {error}", path.display()))?;
        Self::parse(&text).map_err(|problem| format!("names {}: {problem}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let templates: Vec<Template> = serde_json::from_str(text)
            .map_err(|error| format!("is not a list of templates: {error}"))?;
        let mut slugs = BTreeSet::new();
        match templates
            .iter()
            .find(|template| !slugs.insert(&template.slug))
        {
            Some(twice) => Err(format!("the slug {:?} is used twice", twice.slug)),
            None => Ok(Self(templates)),
        }
    }

    pub(crate) fn all(&self) -> &[Template] {
        &self.0
    }

    pub(crate) fn find(&self, slug: &str) -> Option<&Template> {
        self.0.iter().find(|template| template.slug == slug)
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::wire::AgentName;

    use super::*;

    #[test]
    fn built_in_templates_can_be_claimed() {
        let catalogue = Catalogue::load(None).unwrap();
        assert!(catalogue.all().len() >= 5);
        for template in catalogue.all() {
            assert_eq!(catalogue.find(&template.slug), Some(template));
            assert!(
                AgentName::try_from(template.name.clone()).is_ok(),
                "{}",
                template.slug
            );
            assert!(!template.instructions.as_str().is_empty());
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(template.slug.chars().all(plain), "{}", template.slug);
        }
        assert_eq!(catalogue.find("nobody"), None);
    }

    #[test]
    fn a_malformed_file_is_refused_with_the_reason() {
        assert!(
            Catalogue::load(Some(Path::new("/nowhere")))
                .unwrap_err()
                .contains("/nowhere")
        );
        assert!(Catalogue::parse("{}").unwrap_err().contains("not a list"));
        let one = &Catalogue::load(None).unwrap().0[0];
        let twice = serde_json::to_string(&[one, one]).unwrap();
        assert!(Catalogue::parse(&twice).unwrap_err().contains("twice"));
    }
}
