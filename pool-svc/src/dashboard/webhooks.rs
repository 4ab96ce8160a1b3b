//! The webhooks page: endpoints, and the log of deliveries.

use std::str::FromStr;

use agent_pool_core::Secret;
use agent_pool_core::wire::pool::{
    CreatedWebhook, NewWebhook, WebhookDelivery, WebhookEndpoint, WebhookEvent,
};
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;
use warp::reply::Response;

use super::gate::Nothing;
use super::page::{self, Tab};
use super::session::{Role, Session};
use super::{format, reply};
use crate::app::App;
use crate::db::webhooks;
use crate::handlers::webhooks as api;
use crate::problem::{from_database, invalid_field};

/// Deliveries that the page shows.
const SHOWN: u16 = 100;

/// A button of the page: on an endpoint, or on a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Remove,
    Test,
    Resend,
}

impl FromStr for Action {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "remove" => Ok(Self::Remove),
            "test" => Ok(Self::Test),
            "resend" => Ok(Self::Resend),
            _ => Err("a webhook has no such action"),
        }
    }
}

/// The form that adds an endpoint.
#[derive(Debug, Deserialize)]
pub(super) struct AddForm {
    url: Secret,
    /// Separated by commas or spaces.
    #[serde(default)]
    events: String,
}

/// `GET /webhooks`
pub(super) async fn show(session: Session, app: App) -> Result<Response, Problem> {
    render(&session, &app, None).await
}

/// `POST /webhooks`: the answer is the page, because it shows the secret once.
pub(super) async fn add(session: Session, form: AddForm, app: App) -> Result<Response, Problem> {
    let words = form
        .events
        .split([',', ' '])
        .filter(|word| !word.is_empty());
    let events = words.map(|word| {
        word.parse()
            .map_err(|error| invalid_field("events", format!("{word:?} {error}")))
    });
    let events = events.collect::<Result<Vec<WebhookEvent>, Problem>>()?;
    let new = NewWebhook {
        url: form.url,
        events,
        secret: None,
    };
    let created = api::add(new, app.clone()).await?;
    render(&session, &app, Some(&created)).await
}

/// `POST /webhooks/:id/:act`
pub(super) async fn perform(
    id: String,
    action: Action,
    _session: Session,
    _form: Nothing,
    app: App,
) -> Result<Response, Problem> {
    match action {
        Action::Remove => api::remove(id, app).await?,
        Action::Test => api::test(id, app).await?,
        Action::Resend => api::resend(id, app).await?,
    };
    Ok(reply::see_other("/webhooks"))
}

async fn render(
    session: &Session,
    app: &App,
    created: Option<&CreatedWebhook>,
) -> Result<Response, Problem> {
    let (endpoints, deliveries) = load(app).await.map_err(from_database)?;
    let operator = session.role == Role::Operator;
    let content = html! {
        div .head {
            div {
                h1 { "Webhooks" }
                p .hint { "Endpoints that receive events, and the deliveries to them. " (page::live_indicator(15)) }
            }
        }
        @if let Some(created) = created { (secret_once(created)) }
        div data-part="endpoints" { (endpoint_table(session, &endpoints)) }
        @if operator { (add_form(session)) }
        h2 { "Deliveries" }
        div data-part="deliveries" { (delivery_table(session, &deliveries)) }
    };
    let page = page::layout(app, session, Some(Tab::Webhooks), "Webhooks", &content);
    Ok(reply::ok(page))
}

async fn load(app: &App) -> Result<(Vec<WebhookEndpoint>, Vec<WebhookDelivery>), DbError> {
    let mut conn = app.db.conn().await?;
    let endpoints = webhooks::load_endpoints(&mut conn, &app.config.cipher).await?;
    let deliveries = webhooks::load_deliveries(&mut conn, SHOWN, None).await?;
    Ok((endpoints, deliveries))
}

fn secret_once(created: &CreatedWebhook) -> Markup {
    html! {
        div .notice role="status" {
            p { "Webhook " code { (created.endpoint.id) } " is added. Use this secret to verify signatures. It is not shown again:" }
            p { code { (created.secret.as_ref().map_or("", Secret::expose)) } }
        }
    }
}

fn add_form(session: &Session) -> Markup {
    let events = WebhookEvent::ALL.map(WebhookEvent::as_str).join(", ");
    html! {
        form .card method="post" action="/webhooks" {
            (page::csrf_field(session))
            h2 { "Add a webhook" }
            div .field {
                label for="url" { "URL" }
                input #url name="url" type="url" required autocomplete="off";
            }
            div .field {
                label for="events" { "Events" }
                input #events name="events" autocomplete="off" aria-describedby="events-hint";
                p .hint #events-hint { "Separated by commas; empty for all: " (events) }
            }
            div .actions { button type="submit" { "Add" } }
        }
    }
}

fn endpoint_table(session: &Session, endpoints: &[WebhookEndpoint]) -> Markup {
    html! {
        div .table {
            @if endpoints.is_empty() { p .empty { "No webhooks." } }
            @else {
                table {
                    caption .hidden { "Webhooks" }
                    thead { tr {
                        th scope="col" .wide { "Webhook" } th scope="col" { "Target" } th scope="col" .wide { "Events" }
                        th scope="col" .wide { "Pending" } th scope="col" { span .hidden { "Actions" } }
                    } }
                    tbody { @for it in endpoints { tr {
                        td .mono.wide { (it.id) }
                        td {
                            (format::breakable(&it.target))
                            span .small.slim.mono { (it.id) }
                            @if it.pending > 0 { span .small.slim { (it.pending) " pending" } }
                            @if it.disabled_at.is_some() { span .small { "disabled: it answered 410 Gone" } }
                        }
                        td .wide { @if it.events.is_empty() { "all" } @else { (it.events.join(", ")) } }
                        td .wide { (it.pending) }
                        td { div .actions {
                            (button(session, &it.id, "test", "Test"))
                            (button(session, &it.id, "remove", "Remove"))
                        } }
                    } } }
                }
            }
        }
    }
}

fn delivery_table(session: &Session, deliveries: &[WebhookDelivery]) -> Markup {
    let now = Utc::now();
    html! {
        div .table {
            @if deliveries.is_empty() { p .empty { "Nothing was sent." } }
            @else {
                table {
                    caption .hidden { "Deliveries" }
                    thead { tr {
                        th scope="col" .wide { "Time" } th scope="col" { "Event" } th scope="col" .wide { "Webhook" }
                        th scope="col" .wide { "Attempts" } th scope="col" .wide { "Outcome" } th scope="col" { span .hidden { "Actions" } }
                    } }
                    tbody { @for it in deliveries { tr {
                        td .time.wide { (format::ago(it.at, now)) }
                        td {
                            (format::breakable(it.event.as_str()))
                            span .small.slim { (format::ago(it.at, now)) }
                            span .small.slim.mono { (it.endpoint_id) }
                            span .small.slim { (outcome(it, now)) }
                        }
                        td .mono.wide { (it.endpoint_id) }
                        td .wide { (it.attempts) }
                        td .wide { (outcome(it, now)) }
                        td { (button(session, &it.id.to_string(), "resend", "Resend")) }
                    } } }
                }
            }
        }
    }
}

fn outcome(it: &WebhookDelivery, now: DateTime<Utc>) -> Markup {
    html! {
        @match (it.delivered_at, it.next_attempt_at) {
            (Some(at), _) => { "delivered " (format::ago(at, now)) },
            (None, Some(_)) if it.error.is_none() => { "due" },
            (None, Some(next)) => { "sent again at " (next.format("%FT%TZ")) },
            (None, None) => { "given up" },
        }
        @if let Some(error) = &it.error { span .small { (error) } }
    }
}

/// For operators only: readers cannot change anything.
fn button(session: &Session, id: &str, action: &str, name: &str) -> Markup {
    html! {
        @if session.role == Role::Operator {
            form method="post" action={ "/webhooks/" (id) "/" (action) } {
                (page::csrf_field(session))
                button type="submit" { (name) }
            }
        }
    }
}
