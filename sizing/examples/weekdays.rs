//! The figures and the plot of `docs/sizing.md`:
//! `cargo run -p agent-pool-sizing --example weekdays docs/images/sizing.svg`.
#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use agent_pool_sizing::trace::{START, Trace, WEEK};
use agent_pool_sizing::{Objective, Outcome, Rule, best_fixed, simulate};

const LEAD: Duration = Duration::from_secs(46);
const WEEKS: i64 = 6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (from, until) = (START + 4 * WEEK, START + WEEKS * WEEK);
    println!(
        "| claims an hour at most | hit rate asked for | sized: hit rate | sized: idle hours | best fixed | fixed: hit rate | fixed: idle hours | saved |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut shown = None;
    for scale in [0.1, 1.0, 4.0] {
        let weeks = u32::try_from(WEEKS)?;
        let arrivals = Trace {
            weeks,
            scale,
            ..Trace::default()
        }
        .arrivals();
        for hit_rate in [0.95, 0.99, 0.999] {
            let objective = Objective::new(hit_rate, 0, 100)?;
            let sized = simulate(&arrivals, from, until, LEAD, Rule::Objective(&objective));
            let (count, fixed) = best_fixed(&arrivals, from, until, LEAD, sized.hit_rate(), 100);
            println!(
                "| {:.0} | {:.1} % | {:.2} % | {:.0} | {count} | {:.2} % | {:.0} | {:.0} % |",
                140.0 * scale,
                100.0 * hit_rate,
                100.0 * sized.hit_rate(),
                sized.idle_hours,
                100.0 * fixed.hit_rate(),
                fixed.idle_hours,
                100.0 * (1.0 - sized.idle_hours / fixed.idle_hours),
            );
            if scale > 0.9 && scale < 1.1 && hit_rate > 0.98 && hit_rate < 0.995 {
                shown = Some((sized, count));
            }
        }
    }
    if let (Some(path), Some((sized, count))) = (std::env::args().nth(1), shown) {
        if let Some(folder) = Path::new(&path).parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, plot(&sized, count))?;
    }
    Ok(())
}

/// The targets of the first week, and the best fixed number.
fn plot(sized: &Outcome, fixed: u32) -> String {
    let week: Vec<u32> = sized.targets.iter().copied().take(168).collect();
    let most = f64::from(week.iter().copied().max().unwrap_or(1).max(fixed));
    let (width, height, margin) = (760.0, 260.0, 40.0);
    let x = |hour: u32| margin + f64::from(hour) * (width - margin) / 168.0;
    let y = |count: f64| height - margin - count * (height - 2.0 * margin) / most;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (day, name) in (0_u32..).zip(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\">{name}</text>",
            x(day * 24),
            height - 14.0
        );
    }
    for count in [0, fixed] {
        let at = y(f64::from(count));
        let _ = writeln!(
            svg,
            "<line x1=\"{margin}\" x2=\"{width}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#b3441e\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{count}</text>",
            margin - 6.0,
            at + 4.0
        );
    }
    let mut points = String::new();
    for (hour, target) in (0_u32..).zip(&week) {
        let at = y(f64::from(*target));
        let _ = write!(points, "{:.1},{at:.1} {:.1},{at:.1} ", x(hour), x(hour + 1));
    }
    let _ = writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"#1f5fbf\" stroke-width=\"2\" points=\"{}\"/>",
        points.trim_end()
    );
    let _ = writeln!(
        svg,
        "<text x=\"{margin}\" y=\"16\" fill=\"#1f5fbf\">idle instances, sized each minute</text>"
    );
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"16\" text-anchor=\"end\" fill=\"#b3441e\">best fixed number for the same hit rate</text>",
        width - 8.0
    );
    svg.push_str("</svg>\n");
    svg
}
