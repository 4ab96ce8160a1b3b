//! The 10DLC campaign, without which US carriers drop the texts of a local number.
//!
//! An assignment takes hours to days. A provision does not wait for it: the metadata has its state, and a refresh
//! reads it again.

use agent_pool_core::Attempt;
use agent_pool_core::prelude::*;

use crate::settings::Telnyx;

/// The reference has this path; a guide of the vendor has `10dlc/phoneNumberCampaign`.
/// <https://developers.telnyx.com/api-reference/phone-number-campaigns/create-new-phone-number-campaign> (seen November
/// 2026).
const PATH: [&str; 2] = ["10dlc", "phone_number_campaigns"];

/// The assignment of one number. These answers are not wrapped in `data`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assignment {
    phone_number: String,
    assignment_status: AssignmentStatus,
    failure_reasons: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum AssignmentStatus {
    PendingAssignment,
    Assigned,
    FailedAssignment,
    PendingUnassignment,
    FailedUnassignment,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Records {
    records: Vec<ListItem<Assignment>>,
    total_records: usize,
}

impl Assignment {
    /// The assignment as people see it.
    fn describe(&self) -> Value {
        let status = match self.assignment_status {
            AssignmentStatus::Assigned => "assigned",
            AssignmentStatus::PendingAssignment => "waiting for the carriers",
            AssignmentStatus::FailedAssignment => "failed",
            AssignmentStatus::PendingUnassignment | AssignmentStatus::FailedUnassignment => {
                "being removed"
            }
            AssignmentStatus::Unknown => "unknown",
        };
        match &self.failure_reasons {
            Some(reasons) if self.assignment_status == AssignmentStatus::FailedAssignment => {
                format!("{status}: {reasons}").into()
            }
            Some(_) | None => status.into(),
        }
    }
}

impl Telnyx {
    /// Why texts to the US will not arrive, whatever delivery status the vendor reports.
    pub(crate) fn texting_notice(&self) -> Option<&'static str> {
        (self.needs_campaign() && self.campaign_id.is_none()).then_some(
            "TELNYX_CAMPAIGN_ID is not set: US carriers drop texts from these numbers, although Telnyx reports them as \
             delivered",
        )
    }

    /// Whether these numbers are US long codes.
    fn needs_campaign(&self) -> bool {
        self.country_code.is_us() && self.number_type.is_long_code()
    }

    /// Fails if the campaign has no room for another number, so that none is bought in vain.
    pub(crate) async fn check_campaign_room(&self, api: Api<'_>) -> ProviderResult<()> {
        let Some(campaign) = &self.campaign_id else {
            return Ok(());
        };
        let request = api.get(PATH).query("filter[telnyx_campaign_id]", campaign);
        let page: Records = request.query("recordsPerPage", 1).fetch().await?;
        let limit = self.campaign_max_numbers as usize;
        if page.total_records < limit {
            return Ok(());
        }
        let problem = format!(
            "the campaign of TELNYX_CAMPAIGN_ID has {} numbers and TELNYX_CAMPAIGN_MAX_NUMBERS is {limit}: release \
             numbers or use another campaign",
            page.total_records
        );
        Err(ErrorKind::Forbidden.because(problem))
    }

    /// Assigns a number to the campaign and returns the state of the assignment for the metadata.
    pub(crate) async fn assign_campaign(
        &self,
        api: Api<'_>,
        number: &str,
    ) -> ProviderResult<Option<Value>> {
        let Some(campaign) = &self.campaign_id else {
            return Ok(None);
        };
        if api.cx().attempt() == Attempt::Later
            && let Some(existing) = assignment(api, number).await?
        {
            return Ok(Some(existing.describe()));
        }
        let body = json!({ "phoneNumber": number, "campaignId": campaign });
        // A number that was just bought is unknown at this endpoint for some seconds.
        let assign = || async {
            let assignment: Assignment = api.post(PATH).json(&body).fetch().await?;
            Ok(Some(assignment))
        };
        let late = "the number is unknown to the 10DLC registry";
        let assignment = api.poll(self.polling(), late, assign).await?;
        Ok(Some(assignment.describe()))
    }

    /// Removes a number from the campaign, before the number itself is released.
    pub(crate) async fn leave_campaign(&self, api: Api<'_>, number: &str) -> ProviderResult<()> {
        if self.campaign_id.is_none() {
            return Ok(());
        }
        let request = api.delete([PATH[0], PATH[1], number]);
        absent_is_done(request.execute().await.map(drop))
    }

    /// The state of every assignment of the campaign, by number.
    pub(crate) async fn campaign_states(
        &self,
        api: Api<'_>,
    ) -> ProviderResult<Vec<(String, Value)>> {
        let Some(campaign) = &self.campaign_id else {
            return Ok(Vec::new());
        };
        let request = api.get(PATH).query("filter[telnyx_campaign_id]", campaign);
        let read = |page: Records, number: Option<usize>| {
            let number = number.unwrap_or(1);
            let is_last = page.records.is_empty() || number * PAGE >= page.total_records;
            Page {
                items: page.records,
                next: (!is_last).then_some(number + 1),
            }
        };
        let request = request.query("recordsPerPage", PAGE);
        let assignments = request.fetch_pages("page", read).await?.into_iter();
        let state = |one: Assignment| (one.phone_number.clone(), one.describe());
        Ok(assignments.map(state).collect())
    }
}

const PAGE: usize = 100;

async fn assignment(api: Api<'_>, number: &str) -> ProviderResult<Option<Assignment>> {
    let request = api.get([PATH[0], PATH[1], number]);
    match request.fetch().await {
        Ok(assignment) => Ok(Some(assignment)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
