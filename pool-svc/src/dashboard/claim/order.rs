//! The form of a claim as it was filled in, and the claim that it asks for.

use agent_pool_core::wire::pool::ClaimRequest;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use serde::Deserialize;

use crate::claim::ClaimInput;
use crate::claim::input::{IdempotencyKey, Wait};
use crate::problem::{bad_idempotency_key, unknown_template};
use crate::templates::Catalogue;

/// The choice of no template.
pub(super) const OWN: &str = "own";

/// How long a claim waits that may wait: as long as one may.
const PATIENCE_SECONDS: u64 = 300;

/// What somebody filled in. Every text may be empty.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Filled {
    /// The slug of a template, or [`OWN`].
    pub(super) template: String,
    pub(super) name: String,
    pub(super) instructions: String,
    pub(super) join_url: String,
    /// Any text: whether it may wait for an idle instance.
    pub(super) wait: String,
    /// What makes this claim safe to repeat.
    pub(super) attempt: String,
}

impl Default for Filled {
    fn default() -> Self {
        Self::new(String::new())
    }
}

impl Filled {
    /// An empty form.
    pub(super) fn new(template: String) -> Self {
        Self {
            template,
            name: String::new(),
            instructions: String::new(),
            join_url: String::new(),
            wait: String::new(),
            attempt: nanoid::nanoid!(24),
        }
    }

    /// The claim: what is left empty is the template's.
    pub(super) fn order(&self, catalogue: &Catalogue) -> Result<ClaimInput, Problem> {
        let template = match self.template.as_str() {
            "" | OWN => None,
            slug => Some(catalogue.find(slug).ok_or_else(|| unknown_template(slug))?),
        };
        let name = given(&self.name).or(template.map(|it| it.name.clone()));
        let instructions = given(&self.instructions);
        let instructions = read("instructions", instructions)?
            .or_else(|| template.map(|it| it.instructions.clone()));
        let key = IdempotencyKey::try_from(format!("dashboard-{}", self.attempt));
        let seconds = if self.wait.is_empty() {
            0
        } else {
            PATIENCE_SECONDS
        };
        Ok(ClaimInput {
            request: ClaimRequest {
                agent_name: read("name", name)?,
                instructions,
                join_url: read("join URL", given(&self.join_url))?,
            },
            key: Some(key.map_err(|problem| bad_idempotency_key(&problem))?),
            wait: Wait::try_from(seconds).expect("it is as long as a claim may wait"),
        })
    }
}

fn given(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn read<T: TryFrom<String, Error = String>>(
    field: &str,
    text: Option<String>,
) -> Result<Option<T>, Problem> {
    let refused = |problem| {
        Problem::new(ProblemCode::InvalidField, format!("{field}: {problem}")).with_field(field)
    };
    text.map(T::try_from).transpose().map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Filled {
        Filled::new(template.to_owned())
    }

    #[test]
    fn what_is_left_empty_is_the_templates() {
        let catalogue = Catalogue::load(None).unwrap();
        let template = &catalogue.all()[0];
        let order = filled(&template.slug).order(&catalogue).unwrap();
        let asked = order.request;
        assert_eq!(asked.agent_name.unwrap().as_str(), template.name);
        assert_eq!(asked.instructions.as_ref(), Some(&template.instructions));
        let mut own = filled(&template.slug);
        own.name = " Tulip ".to_owned();
        own.instructions = "Be kind.".to_owned();
        let asked = own.order(&catalogue).unwrap().request;
        assert_eq!(asked.agent_name.unwrap().as_str(), "Tulip");
        assert_eq!(asked.instructions.unwrap().as_str(), "Be kind.");
        assert_eq!(
            filled(OWN).order(&catalogue).unwrap().request,
            ClaimRequest::default()
        );
    }

    #[test]
    fn it_waits_only_where_that_was_asked_for() {
        let catalogue = Catalogue::load(None).unwrap();
        let mut form = filled(OWN);
        assert_eq!(form.order(&catalogue).unwrap().wait, Wait::default());
        form.wait = "on".to_owned();
        let wait = form.order(&catalogue).unwrap().wait.duration();
        assert_eq!(wait.as_secs(), PATIENCE_SECONDS);
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        let catalogue = Catalogue::load(None).unwrap();
        let refused = |change: fn(&mut Filled)| {
            let mut form = filled(OWN);
            change(&mut form);
            form.order(&catalogue).unwrap_err()
        };
        let name = refused(|it| it.name = "x".repeat(65));
        assert_eq!((name.status, name.field.as_deref()), (400, Some("name")));
        let join = refused(|it| it.join_url = "nowhere".to_owned());
        assert_eq!(join.field.as_deref(), Some("join URL"));
        assert_eq!(refused(|it| it.template = "nobody".to_owned()).status, 404);
        assert_eq!(refused(|it| it.attempt = "a b".to_owned()).status, 400);
    }
}
