//! The fields of the claim form, and the claim that results from them.

use std::fmt::Display;

use agent_pool_core::wire::pool::{ClaimRequest, Ttl};
use agent_pool_core::wire::problem::Problem;
use serde::Deserialize;

use crate::claim::ClaimInput;
use crate::claim::input::{IdempotencyKey, Wait};
use crate::problem::{bad_idempotency_key, invalid_field, unknown_template};
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
    pub(super) pool: String,
    pub(super) name: String,
    pub(super) instructions: String,
    pub(super) join_url: String,
    /// Hours until the agent is ended.
    pub(super) ttl_hours: String,
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
            pool: String::new(),
            name: String::new(),
            instructions: String::new(),
            join_url: String::new(),
            ttl_hours: String::new(),
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
                pool: parse_field("pool", non_empty(&self.pool))?
                    .or(template.and_then(|it| it.pool.clone())),
                join_url: parse_field("join URL", non_empty(&self.join_url))?,
                ttl_seconds: parse_hours(&self.ttl_hours)?,
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

/// A time in hours, such as `0.5`.
fn parse_hours(text: &str) -> Result<Option<Ttl>, Problem> {
    let Some(text) = non_empty(text) else {
        return Ok(None);
    };
    let hours = text.parse::<f64>().ok().filter(|hours| *hours > 0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is above 0, and a cast of a number that is too large saturates"
    )]
    let seconds = hours.map(|hours| (hours * 3_600.0).ceil() as u32);
    let ttl = seconds.ok_or_else(|| "expected a number above 0".to_owned());
    let ttl = ttl.and_then(Ttl::try_from);
    ttl.map(Some)
        .map_err(|problem| invalid_field("hours until it ends", problem))
}

fn parse_field<T: TryFrom<String, Error: Display>>(
    field: &str,
    text: Option<String>,
) -> Result<Option<T>, Problem> {
    let parsed = text.map(T::try_from).transpose();
    parsed.map_err(|problem| invalid_field(field, problem))
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
    fn an_agent_ends_after_the_hours_of_its_claim() {
        let catalogue = Catalogue::load(None).unwrap();
        let mut form = filled(CUSTOM);
        form.ttl_hours = " 0.5 ".to_owned();
        let asked = form.claim_input(&catalogue).unwrap().request;
        assert_eq!(asked.ttl_seconds.map(Ttl::seconds), Some(1_800));
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
        for hours in ["0", "-1", "soon", "9999999"] {
            let mut form = filled(CUSTOM);
            form.ttl_hours = hours.to_owned();
            let problem = form.claim_input(&catalogue).unwrap_err();
            assert_eq!(
                problem.field.as_deref(),
                Some("hours until it ends"),
                "{hours}"
            );
        }
        assert_eq!(refused(|it| it.template = "nobody".to_owned()).status, 404);
        assert_eq!(refused(|it| it.attempt = "a b".to_owned()).status, 400);
    }
}
