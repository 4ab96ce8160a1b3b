//! 10DLC: which numbers may text in the US. These answers are not wrapped in `data` [S].

use serde::Deserialize;
use serde_json::{Value, json};

use super::error;
use super::state::{Telnyx, TelnyxAssignment};
use crate::api::read;
use crate::http::{Answer, BodyFault, Call};
use crate::pace::Countdown;
use crate::time;

/// The limit of one carrier for a campaign without a special agreement [O].
const NUMBERS_PER_CAMPAIGN: usize = 49;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewAssignment {
    phone_number: String,
    campaign_id: String,
}

impl Telnyx {
    /// A number needs a messaging profile first, and is unknown here until the messaging service knows it [D].
    pub(crate) fn assign_campaign(&mut self, call: &Call) -> Result<Answer, Answer> {
        self.settle_at_once();
        let new: NewAssignment = read::<Self, _>(call)?;
        if !self.options.campaigns.contains(&new.campaign_id) {
            return Err(error::not_found());
        }
        let number = self
            .held
            .numbers
            .iter()
            .find(|one| one.phone_number == new.phone_number);
        let number = number.ok_or_else(error::not_found)?;
        if number.messaging_profile_id.is_none() {
            let text = "the number has no messaging profile";
            return Err(error::body(&BodyFault::value("phoneNumber", text)));
        }
        if self.assignment(&new.phone_number).is_some() {
            return Err(error::refuse(
                422,
                "10012",
                "The number is assigned to a campaign.",
            ));
        }
        let used = self.held.assignments.iter();
        if used
            .filter(|one| one.campaign_id == new.campaign_id)
            .count()
            >= NUMBERS_PER_CAMPAIGN
        {
            return Err(error::refuse(
                422,
                "10015",
                "The campaign has no room for more numbers.",
            ));
        }
        let assignment = TelnyxAssignment {
            phone_number: new.phone_number,
            campaign_id: new.campaign_id,
            created_at: time::now(),
            progress: Some(self.options.campaign_pace.start()),
        };
        let body = assignment.json();
        self.held.assignments.push(assignment);
        Ok(Answer::ok(body))
    }

    pub(crate) fn list_assignments(&mut self, call: &Call) -> Result<Answer, Answer> {
        let number = |name: &str, usual: usize| match call.param(name) {
            None => Ok(usual),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| error::body(&BodyFault::value(name, "must be 1 or more"))),
        };
        let (page, size) = (number("page", 1)?, number("recordsPerPage", 20)?);
        let campaign = call.param("filter[telnyx_campaign_id]");
        let fits = |one: &&mut TelnyxAssignment| campaign.is_none_or(|id| one.campaign_id == id);
        let records: Vec<Value> = self
            .held
            .assignments
            .iter_mut()
            .filter(fits)
            .map(|one| {
                one.look();
                one.json()
            })
            .collect();
        let total = records.len();
        let shown: Vec<Value> = records
            .into_iter()
            .skip((page - 1) * size)
            .take(size)
            .collect();
        Ok(Answer::ok(
            json!({ "records": shown, "page": page, "totalRecords": total }),
        ))
    }

    fn assignment(&mut self, number: &str) -> Option<&mut TelnyxAssignment> {
        let mut all = self.held.assignments.iter_mut();
        all.find(|one| one.phone_number == number)
    }

    pub(crate) fn get_assignment(&mut self, call: &Call) -> Result<Answer, Answer> {
        let assignment = self
            .assignment(call.segment(0))
            .ok_or_else(error::not_found)?;
        assignment.look();
        Ok(Answer::ok(assignment.json()))
    }

    pub(crate) fn remove_assignment(&mut self, call: &Call) -> Result<Answer, Answer> {
        let number = call.segment(0);
        let assignment = self.assignment(number).ok_or_else(error::not_found)?;
        let body = assignment.json();
        self.held
            .assignments
            .retain(|one| one.phone_number != number);
        Ok(Answer::ok(body))
    }
}

impl TelnyxAssignment {
    /// Whether carriers deliver the number's texts. Before that, the vendor still reports them as delivered [O].
    #[must_use]
    pub fn is_assigned(&self) -> bool {
        self.progress.is_some_and(Countdown::done)
    }

    fn look(&mut self) {
        self.progress.as_mut().map(Countdown::read);
    }

    fn json(&self) -> Value {
        let status = if self.is_assigned() {
            "ASSIGNED"
        } else {
            "PENDING_ASSIGNMENT"
        };
        json!({
            "phoneNumber": self.phone_number, "campaignId": self.campaign_id,
            "telnyxCampaignId": self.campaign_id, "brandId": "brand-1",
            "assignmentStatus": status, "createdAt": self.created_at, "updatedAt": self.created_at,
        })
    }
}
