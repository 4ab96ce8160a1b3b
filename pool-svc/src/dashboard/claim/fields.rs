//! The fields of the claim form, and the claim that they describe.

use agent_pool_core::wire::pool::ClaimRequest;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use serde::Deserialize;

use crate::claim::ClaimInput;
use crate::claim::input::{IdempotencyKey, Wait};
use crate::problem::{bad_idempotency_key, unknown_template};
use crate::templates::Catalogue;

/// The value of the form field for no template.
pub(super) const CUSTOM: &str = "own";

/// How long a claim may wait for an idle instance.
const WAIT_SECONDS: u64 = 300;

/// The submitted fields. Each may be empty.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct ClaimForm {
    /// The slug of a template, or [`CUSTOM`].
    pub(super) template: String,
    pub(super) name: String,
    pub(super) instructions: String,
    pub(super) join_url: String,
    /// Not empty: wait for an idle instance.
    pub(super) wait: String,
    /// The idempotency key of this form.
    pub(super) attempt: String,
}

impl Default for ClaimForm {
    fn default() -> Self {
        Self::new(String::new())
    }
}

impl ClaimForm {
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

    /// The claim. Empty fields take the values of the template.
    pub(super) fn claim_input(&self, catalogue: &Catalogue) -> Result<ClaimInput, Problem> {
        let template = match self.template.as_str() {
            "" | CUSTOM => None,
            slug => Some(catalogue.find(slug).ok_or_else(|| unknown_template(slug))?),
        };
        let name = non_empty(&self.name).or(template.map(|it| it.name.clone()));
        let instructions = non_empty(&self.instructions);
        let instructions = parse_field("instructions", instructions)?
            .or_else(|| template.map(|it| it.instructions.clone()));
        let key = IdempotencyKey::try_from(format!("dashboard-{}", self.attempt));
        let seconds = if self.wait.is_empty() {
            0
        } else {
            WAIT_SECONDS
        };
        Ok(ClaimInput {
            request: ClaimRequest {
                agent_name: parse_field("name", name)?,
                instructions,
                pool: template.and_then(|it| it.pool.clone()),
                join_url: parse_field("join URL", non_empty(&self.join_url))?,
                ..ClaimRequest::default()
            },
            key: Some(key.map_err(|problem| bad_idempotency_key(&problem))?),
            wait: Wait::try_from(seconds).expect("WAIT_SECONDS is within the limit"),
        })
    }
}

fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn parse_field<T: TryFrom<String, Error = String>>(
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

    fn filled(template: &str) -> ClaimForm {
        ClaimForm::new(template.to_owned())
    }

    #[test]
    fn empty_fields_take_the_values_of_the_template() {
        let catalogue = Catalogue::load(None).unwrap();
        let template = &catalogue.all()[0];
        let input = filled(&template.slug).claim_input(&catalogue).unwrap();
        let asked = input.request;
        assert_eq!(asked.agent_name.unwrap().as_str(), template.name);
        assert_eq!(asked.instructions.as_ref(), Some(&template.instructions));
        let mut own = filled(&template.slug);
        own.name = " Tulip ".to_owned();
        own.instructions = "Be kind.".to_owned();
        let asked = own.claim_input(&catalogue).unwrap().request;
        assert_eq!(asked.agent_name.unwrap().as_str(), "Tulip");
        assert_eq!(asked.instructions.unwrap().as_str(), "Be kind.");
        assert_eq!(
            filled(CUSTOM).claim_input(&catalogue).unwrap().request,
            ClaimRequest::default()
        );
    }

    #[test]
    fn a_claim_waits_only_if_the_box_is_checked() {
        let catalogue = Catalogue::load(None).unwrap();
        let mut form = filled(CUSTOM);
        assert_eq!(form.claim_input(&catalogue).unwrap().wait, Wait::default());
        form.wait = "on".to_owned();
        let wait = form.claim_input(&catalogue).unwrap().wait.duration();
        assert_eq!(wait.as_secs(), WAIT_SECONDS);
    }

    #[test]
    fn a_problem_names_its_field() {
        let catalogue = Catalogue::load(None).unwrap();
        let refused = |change: fn(&mut ClaimForm)| {
            let mut form = filled(CUSTOM);
            change(&mut form);
            form.claim_input(&catalogue).unwrap_err()
        };
        let name = refused(|it| it.name = "x".repeat(65));
        assert_eq!((name.status, name.field.as_deref()), (400, Some("name")));
        let join = refused(|it| it.join_url = "no where".to_owned());
        assert_eq!(join.field.as_deref(), Some("join URL"));
        assert_eq!(refused(|it| it.template = "nobody".to_owned()).status, 404);
        assert_eq!(refused(|it| it.attempt = "a b".to_owned()).status, 400);
    }
}
