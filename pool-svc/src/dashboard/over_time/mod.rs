//! Charts over time: instances by status, duration of claims, duration of warm-ups. The data comes from
//! the lifecycle log, so nothing has to be sampled.

mod chart;
mod costs;
mod figure;
mod levels;
mod plot;
mod scale;
mod time_axis;

use agent_pool_core::wire::pool::Counts;
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use maud::{Markup, html};
use serde::Deserialize;
use warp::reply::Response;

use self::chart::{Chart, Series, Size};
pub(super) use self::costs::show_costs;
use self::time_axis::{Range, TimeAxis};
use super::db::history::{self, DurationStats, Percentiles, Period, StatusChange};
use super::page::{self, Tab};
use super::reply;
use super::session::Session;
use crate::app::App;
use crate::db::views;
use crate::lifecycle::Cause;
use crate::problem::from_database;

#[derive(Debug, Default, Deserialize)]
pub(super) struct HistoryQuery {
    #[serde(default)]
    range: Range,
}

struct History {
    counts: Counts,
    changes: Vec<StatusChange>,
    claims: DurationStats,
    warm_ups: DurationStats,
}

/// `GET /over-time`
pub(super) async fn show(
    session: Session,
    query: HistoryQuery,
    app: App,
) -> Result<Response, Problem> {
    let (range, now) = (query.range, Utc::now());
    let history = load(&app, range.period(now)).await.map_err(from_database)?;
    let content = draw(range, &range.axis(now), history);
    let page = page::layout(&app, &session, Some(Tab::OverTime), "Over time", &content);
    Ok(reply::ok(page))
}

async fn load(app: &App, period: Period) -> Result<History, DbError> {
    let mut conn = app.db.conn().await?;
    Ok(History {
        counts: views::count(&mut conn).await?,
        changes: history::load_changes(&mut conn, period).await?,
        claims: history::load_durations(&mut conn, period, (Cause::Claim, Cause::Provisioned))
            .await?,
        warm_ups: history::load_durations(&mut conn, period, (Cause::WarmUp, Cause::Healthy))
            .await?,
    })
}

fn draw(range: Range, axis: &TimeAxis, history: History) -> Markup {
    let fleet = Chart {
        id: "fleet",
        title: "Instances by status",
        hint: None,
        unit: "",
        least: 1.0,
        size: Size::PAGE,
        filled: true,
        series: levels::levels(history.counts, &history.changes, axis.len()),
        axis,
    };
    let claims = durations(
        "claims",
        "Claim duration",
        "Claims",
        range,
        axis,
        &history.claims,
    );
    let warm_ups = durations(
        "warm-ups",
        "Warm-up duration",
        "Warm-ups",
        range,
        axis,
        &history.warm_ups,
    );
    html! {
        div .head {
            div { h1 { "Over time" } p .hint { "Last " (range.as_str()) ", in UTC. " (page::live_indicator(60)) } }
            nav .ranges aria-label="Range" {
                @for it in Range::ALL {
                    a href={ "/over-time?range=" (it.as_str()) } aria-current=[(it == range).then_some("true")] {
                        (it.as_str())
                    }
                }
            }
        }
        div data-part="charts" {
            (fleet.draw())
            div .two { (claims.draw()) (warm_ups.draw()) }
        }
    }
}

/// A chart of durations. `what` names them, in the plural with a capital letter.
fn durations<'a>(
    id: &'a str,
    title: &'a str,
    what: &str,
    range: Range,
    axis: &'a TimeAxis,
    stats: &DurationStats,
) -> Chart<'a> {
    let of = |class, name, value: fn(&Percentiles) -> f64| {
        let mut points = vec![None; axis.len()];
        for (slice, took) in &stats.slices {
            if let Some(point) = points.get_mut(*slice) {
                *point = Some(value(took));
            }
        }
        Series {
            class,
            name,
            overall: stats.overall.as_ref().map(value),
            points,
        }
    };
    let number = stats.overall.map_or(0, |overall| overall.number);
    Chart {
        id,
        title,
        hint: Some(format!("{what} in the last {}: {number}.", range.as_str())),
        unit: " s",
        least: 0.001,
        size: Size::HALF,
        filled: false,
        axis,
        series: vec![
            of("half", "median", |took| took.median),
            of("most", "95th percentile", |took| took.p95),
        ],
    }
}
