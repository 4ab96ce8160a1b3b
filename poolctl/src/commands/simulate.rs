//! `poolctl simulate`.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{
    HitRate, Objective, ObjectiveFloor, SimulatedPolicy, Simulation, SimulationRequest,
};
use clap::Args;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, cell, during};

/// Replay the log of a pool under another policy
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Pool whose claims are replayed
    #[arg(long, value_name = "NAME", default_value = "default")]
    pool: PoolName,

    /// Share of claims that must find an idle instance
    #[arg(long, value_name = "SHARE", default_value = "99%")]
    hit_rate: HitRate,

    /// How far back to start, such as 12h or 7d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = seconds)]
    since: u32,

    /// Minimum number of idle instances
    #[arg(long, value_name = "N", default_value_t = 0)]
    min: u32,

    /// Maximum number of idle instances; by default the limit of the pool
    #[arg(long, value_name = "N")]
    max: Option<u32>,

    /// Maximum increase of the target in a minute
    #[arg(long, value_name = "N")]
    step_up: Option<u32>,

    /// Maximum decrease of the target in a minute
    #[arg(long, value_name = "N")]
    step_down: Option<u32>,

    /// Higher minimum at times, such as '0 9 * * MON-FRI,540,10': from 9 on for 540 minutes at least 10
    #[arg(long = "floor", value_name = "CRON,MINUTES,MIN", value_parser = floor)]
    floors: Vec<ObjectiveFloor>,

    /// Time zone of hours and weekdays, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,

    /// Cost of an idle hour
    #[arg(long, value_name = "PRICE", default_value_t = 0.0)]
    cost_per_hour: f64,
}

/// `90m`, `12h` or `7d` as seconds.
fn seconds(text: &str) -> Result<u32, String> {
    let expected = || "expected a number and m, h or d, such as 7d".to_owned();
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(expected()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    number.checked_mul(unit).ok_or_else(expected)
}

/// A cron expression may contain commas, so the numbers are the last two parts.
fn floor(text: &str) -> Result<ObjectiveFloor, String> {
    let expected = || "expected CRON,MINUTES,MIN, such as '0 9 * * MON-FRI,540,10'".to_owned();
    let mut parts = text.rsplitn(3, ',');
    let mut number = || -> Option<u32> { parts.next()?.trim().parse().ok() };
    let (min, minutes) = (number(), number());
    let from = parts.next().map(|from| from.trim().to_owned());
    Ok(ObjectiveFloor {
        from: from.ok_or_else(expected)?,
        minutes: minutes.ok_or_else(expected)?,
        min: min.ok_or_else(expected)?,
    })
}

impl Simulate {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let request = SimulationRequest {
            pool: Some(self.pool.to_string()),
            since_seconds: self.since,
            objective: Objective {
                hit_rate: self.hit_rate,
                min: self.min,
                max: self.max,
                step_up: self.step_up,
                step_down: self.step_down,
                time_zone: self.time_zone,
                floors: self.floors,
            },
            cost_per_hour: self.cost_per_hour,
        };
        let replayed = during("replaying the log", target.pool.simulate(&request)).await;
        let replayed = replayed.map_err(|error| Failure::of_call("simulate", &error))?;
        out.answer(&replayed, || table(&replayed, self.cost_per_hour > 0.0))?;
        Ok(Exit::Done)
    }
}

fn table(replayed: &Simulation, costs: bool) -> String {
    let head = [
        "POLICY",
        "CLAIMS",
        "HITS",
        "HIT RATE",
        "WAITS",
        "MEAN WAIT",
        "LONGEST",
        "IDLE HOURS",
        "COST",
    ];
    let mut table = Table::new(&head).keep(&[0]);
    let rows = [
        ("now", &replayed.current),
        ("replayed", &replayed.objective),
        ("best fixed", &replayed.best_fixed),
    ];
    for (which, it) in rows {
        let SimulatedPolicy {
            policy,
            claims,
            hits,
            hit_rate,
            waits,
            ..
        } = it;
        let cost = if costs {
            format!("{:.2}", it.cost)
        } else {
            "-".to_owned()
        };
        table.row([
            cell(format!("{which}: {policy}")),
            cell(claims),
            cell(hits),
            cell(format!("{:.2}%", hit_rate * 100.0)),
            cell(waits),
            cell(format!("{:.0} s", it.mean_wait_seconds)),
            cell(format!("{:.0} s", it.longest_wait_seconds)),
            cell(format!("{:.0}", it.idle_hours)),
            cell(cost),
        ]);
    }
    format!(
        "{table}\n\nTime to warm an instance, as measured: {:.0} s",
        replayed.lead_seconds
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_has_a_cron_expression_that_may_have_commas() {
        let parsed = floor("0 9,14 * * MON-FRI, 60, 10").unwrap();
        assert_eq!(parsed.from, "0 9,14 * * MON-FRI");
        assert_eq!((parsed.minutes, parsed.min), (60, 10));
        for wrong in ["", "10", "540,10", "0 9 * * *,x,10", "0 9 * * *,540,-1"] {
            assert!(floor(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_numbers_with_a_unit() {
        assert_eq!(seconds("7d"), Ok(604_800));
        assert_eq!(seconds("90m"), Ok(5_400));
        for wrong in ["", "7", "d", "-1h", "7w", "99999999d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
