//! The plot of `growth`: milliseconds over rows, both axes logarithmic.

use std::fmt::Write as _;

use crate::report::Point;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const MARGIN: f64 = 56.0;
/// The decades that the axes show.
const ROWS: (f64, f64) = (1.0, 5.5);
const MILLISECONDS: (f64, f64) = (-1.0, 4.0);

/// An SVG with a line for claims and one for ticks.
pub(crate) fn svg(points: &[Point]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for decade in 1..=5 {
        let x = scale(f64::from(decade), ROWS, MARGIN, WIDTH - MARGIN);
        let label = 10_u32.pow(decade);
        let y = HEIGHT - MARGIN / 2.0;
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"
        );
    }
    for decade in -1..=4 {
        let y = scale(f64::from(decade), MILLISECONDS, HEIGHT - MARGIN, MARGIN);
        let label = 10_f64.powi(decade);
        let (left, right) = (MARGIN, WIDTH - MARGIN);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{right}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label} ms</text>",
            left - 6.0,
            y + 4.0
        );
    }
    line(
        &mut svg,
        "claim",
        "#1f5fbf",
        points.iter().map(|point| (point.rows, point.claim_ms)),
    );
    line(
        &mut svg,
        "tick",
        "#b3441e",
        points.iter().map(|point| (point.rows, point.tick_ms)),
    );
    svg.push_str("</svg>\n");
    svg
}

fn line(svg: &mut String, name: &str, color: &str, points: impl Iterator<Item = (u32, f64)>) {
    let place = |(rows, ms): (u32, f64)| {
        let x = scale(f64::from(rows).log10(), ROWS, MARGIN, WIDTH - MARGIN);
        let y = scale(ms.log10(), MILLISECONDS, HEIGHT - MARGIN, MARGIN);
        (x, y)
    };
    let places: Vec<(f64, f64)> = points.map(place).collect();
    let path: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" points=\"{}\"/>",
        path.join(" ")
    );
    if let Some((x, y)) = places.last() {
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{color}\">{name}</text>",
            y - 8.0
        );
    }
}

/// The position of `value` of the range between two pixels.
fn scale(value: f64, range: (f64, f64), from: f64, to: f64) -> f64 {
    from + (value - range.0) / (range.1 - range.0) * (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_has_a_line_with_a_place_per_point() {
        let point = |rows, claim_ms, tick_ms| Point {
            rows,
            claim_ms,
            tick_ms,
        };
        let svg = svg(&[point(100, 1.0, 3.0), point(100_000, 2.0, 900.0)]);
        let lines: Vec<&str> = svg
            .lines()
            .filter(|line| line.contains("<polyline"))
            .collect();
        assert_eq!(lines.len(), 2, "{svg}");
        assert!(
            lines.iter().all(|line| line.matches(',').count() == 2),
            "{svg}"
        );
    }
}
