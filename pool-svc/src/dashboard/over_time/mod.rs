//! Over time: how many were idle, claimed and starting, how long claims took, and how long it took to
//! become warm. All of it is read from the lifecycle log, so that there is nothing to sample.

mod chart;
mod levels;
mod picture;
mod range;
mod scale;

use agent_pool_core::wire::pool::Counts;
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use maud::{Markup, html};
use serde::Deserialize;
use warp::reply::Response;

use self::chart::{Chart, Series};
use self::picture::Size;
use self::range::{Range, Times};
use super::db::history::{self, Change, Lasted, Past, Took};
use super::page::{self, Tab};
use super::reply;
use super::session::Session;
use crate::app::App;
use crate::db::views;
use crate::lifecycle::Cause;
use crate::problem::from_database;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    range: Range,
}

struct History {
    counts: Counts,
    changes: Vec<Change>,
    claims: Lasted,
    warm_ups: Lasted,
}

/// `GET /over-time`
pub(super) async fn show(session: Session, asked: Asked, app: App) -> Result<Response, Problem> {
    let (range, now) = (asked.range, Utc::now());
    let history = load(&app, range.past(now)).await.map_err(from_database)?;
    let content = content(range, &range.times(now), history);
    let page = page::signed_in(&app, &session, Some(Tab::OverTime), "Over time", &content);
    Ok(reply::ok(page))
}

async fn load(app: &App, past: Past) -> Result<History, DbError> {
    let mut conn = app.db.conn().await?;
    Ok(History {
        counts: views::count(&mut conn).await?,
        changes: history::changes(&mut conn, past).await?,
        claims: history::took(&mut conn, past, (Cause::Claim, Cause::Provisioned)).await?,
        warm_ups: history::took(&mut conn, past, (Cause::WarmUp, Cause::Healthy)).await?,
    })
}

fn content(range: Range, times: &Times, history: History) -> Markup {
    let fleet = Chart {
        id: "fleet",
        title: "Idle, claimed and starting",
        hint: None,
        unit: "",
        least: 1.0,
        size: Size::PAGE,
        filled: true,
        series: levels::levels(history.counts, &history.changes, times.len()),
        times,
    };
    let claims = durations(
        "claims",
        "How long claims take",
        "Claims",
        range,
        times,
        &history.claims,
    );
    let warm_ups = durations(
        "warm-ups",
        "How long it takes to become warm",
        "Warm-ups",
        range,
        times,
        &history.warm_ups,
    );
    html! {
        div .head {
            div { h1 { "Over time" } p .hint { "The last " (range.as_str()) ", in UTC. " (page::live(60)) } }
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

/// The chart of how long something took; `what` it was, in the plural, with a capital.
fn durations<'a>(
    id: &'a str,
    title: &'a str,
    what: &str,
    range: Range,
    times: &'a Times,
    lasted: &Lasted,
) -> Chart<'a> {
    let of = |class, name, value: fn(&Took) -> f64| {
        let mut points = vec![None; times.len()];
        for (slice, took) in &lasted.slices {
            if let Some(point) = points.get_mut(*slice) {
                *point = Some(value(took));
            }
        }
        Series {
            class,
            name,
            whole: lasted.whole.as_ref().map(value),
            points,
        }
    };
    let number = lasted.whole.map_or(0, |whole| whole.number);
    Chart {
        id,
        title,
        hint: Some(format!("{what} in the last {}: {number}.", range.as_str())),
        unit: " s",
        least: 0.001,
        size: Size::HALF,
        filled: false,
        times,
        series: vec![
            of("half", "median", |took| took.median),
            of("most", "95th percentile", |took| took.p95),
        ],
    }
}
