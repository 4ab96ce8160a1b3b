//! Telnyx's routes.

use hyper::{Method, StatusCode};

use super::error;
use super::state::Telnyx;
use crate::Vendor;
use crate::api::{ErrorSpec, RestVendor};
use crate::http::{Answer, BodyFault, Payload, Request, Route, row};
use crate::rate::Budget;

const NONE: &[&str] = &[];
const PAGE: &[&str] = &["page[number]", "page[size]"];
const SEARCH: &[&str] = &[
    "filter[country_code]",
    "filter[features]*",
    "filter[limit]",
    "filter[best_effort]",
    "filter[quickship]",
    "filter[reservable]",
    "filter[exclude_held_numbers]",
    "filter[phone_number_type]",
    "filter[national_destination_code]",
];
const ORDERS: &[&str] = &[
    "page[number]",
    "page[size]",
    "filter[customer_reference]",
    "filter[status]",
];
const NUMBERS: &[&str] = &[
    "page[number]",
    "page[size]",
    "filter[phone_number]",
    "filter[tag]",
    "filter[customer_reference]",
    "filter[status]",
    "sort",
    "handle_messaging_profile_error",
];
const PROFILES: &[&str] = &[
    "page[number]",
    "page[size]",
    "filter[name]",
    "filter[name][eq]",
    "filter[name][contains]",
];

const ASSIGNMENTS: &[&str] = &["page", "recordsPerPage", "filter[telnyx_campaign_id]"];

#[rustfmt::skip]
static ROUTES: &[Route<Telnyx>] = &[
    row(Method::GET,    "/available_phone_numbers",      "ListAvailablePhoneNumbers", SEARCH,  Payload::None, Telnyx::search),
    row(Method::POST,   "/number_reservations",          "CreateNumberReservation",   NONE,    Payload::Json, Telnyx::reserve),
    row(Method::GET,    "/number_orders",                "ListNumberOrders",          ORDERS,  Payload::None, Telnyx::list_orders),
    row(Method::POST,   "/number_orders",                "CreateNumberOrder",         NONE,    Payload::Json, Telnyx::create_order),
    row(Method::GET,    "/number_orders/{id}",           "RetrieveNumberOrder",       NONE,    Payload::None, Telnyx::get_order),
    row(Method::PATCH,  "/sub_number_orders/{id}/cancel", "CancelSubNumberOrder",     NONE,    Payload::None, Telnyx::cancel_sub_order),
    row(Method::GET,    "/phone_numbers",                "ListPhoneNumbers",          NUMBERS, Payload::None, Telnyx::list_numbers),
    row(Method::GET,    "/phone_numbers/{id}",           "RetrievePhoneNumber",       NONE,    Payload::None, Telnyx::get_number),
    row(Method::PATCH,  "/phone_numbers/{id}",           "UpdatePhoneNumber",         NONE,    Payload::Json, Telnyx::update_number),
    row(Method::DELETE, "/phone_numbers/{id}",           "DeletePhoneNumber",         NONE,    Payload::None, Telnyx::delete_number),
    row(Method::GET,    "/phone_numbers/{id}/messaging", "GetPhoneNumberMessagingSettings",    NONE, Payload::None, Telnyx::get_messaging),
    row(Method::PATCH,  "/phone_numbers/{id}/messaging", "UpdatePhoneNumberMessagingSettings", NONE, Payload::Json, Telnyx::update_messaging),
    row(Method::GET,    "/messaging_profiles",           "ListMessagingProfiles",     PROFILES, Payload::None, Telnyx::list_profiles),
    row(Method::POST,   "/messaging_profiles",           "CreateMessagingProfile",    NONE,    Payload::Json, Telnyx::create_profile),
    row(Method::GET,    "/messaging_profiles/{id}",      "RetrieveMessagingProfile",  NONE,    Payload::None, Telnyx::get_profile),
    row(Method::DELETE, "/messaging_profiles/{id}",      "DeleteMessagingProfile",    NONE,    Payload::None, Telnyx::delete_profile),
    row(Method::GET,    "/messaging_profiles/{id}/phone_numbers", "ListProfilePhoneNumbers", PAGE, Payload::None, Telnyx::numbers_of_profile),
    row(Method::GET,    "/10dlc/phone_number_campaigns",          "GetAllPhoneNumberCampaigns",   ASSIGNMENTS, Payload::None, Telnyx::list_assignments),
    row(Method::POST,   "/10dlc/phone_number_campaigns",          "CreatePhoneNumberCampaign",    NONE, Payload::Json, Telnyx::assign_campaign),
    row(Method::GET,    "/10dlc/phone_number_campaigns/{number}", "GetSinglePhoneNumberCampaign", NONE, Payload::None, Telnyx::get_assignment),
    row(Method::DELETE, "/10dlc/phone_number_campaigns/{number}", "DeletePhoneNumberCampaign",    NONE, Payload::None, Telnyx::remove_assignment),
    row(Method::GET,    "/balance",                      "GetUserBalance",            NONE,    Payload::None, Telnyx::balance),
];

impl RestVendor for Telnyx {
    const VENDOR: Vendor = Vendor::Telnyx;
    const BASE: &'static str = "/telnyx/v2";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }

    fn authorize(&self, request: &Request, _operation: &str) -> Result<String, Answer> {
        let key = request
            .bearer()
            .filter(|key| self.options.api_keys.iter().any(|own| own == key));
        key.map(str::to_owned).ok_or_else(|| {
            error::answer(&ErrorSpec::new(
                StatusCode::UNAUTHORIZED,
                "No key found matching the ID.",
            ))
        })
    }

    fn error(spec: &ErrorSpec) -> Answer {
        error::answer(spec)
    }

    fn body_error(fault: &BodyFault) -> Answer {
        error::body(fault)
    }

    fn add_rate_limit(answer: Answer, budget: Budget) -> Answer {
        error::add_rate_limit(answer, budget)
    }
}
