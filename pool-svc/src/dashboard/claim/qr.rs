//! A link as a QR code, in SVG.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};
use qrcode::{Color, QrCode};

/// The quiet zone that scanners need around a code, in modules.
const QUIET: usize = 4;

/// `None` if the link is too long for a code.
pub(super) fn qr(link: &str) -> Option<Markup> {
    let code = QrCode::new(link).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (index % width + QUIET, index / width + QUIET);
            // Writing to a String cannot fail.
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    let size = width + 2 * QUIET;
    let label = "QR code of the invite link";
    Some(html! {
        svg viewBox={ "0 0 " (size) " " (size) } role="img" aria-label=(label) shape-rendering="crispEdges" {
            rect width=(size) height=(size) fill="#fff" {}
            path d=(PreEscaped(path)) fill="#000" {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_finders_and_its_quiet_zone() {
        let svg = qr("https://agents.example/c/1").unwrap().into_string();
        assert!(
            svg.contains("M4 4h1v1h-1z"),
            "the first module of the first finder"
        );
        assert!(!svg.contains("M3 ") && !svg.contains("M0 "));
        assert!(qr(&"x".repeat(5_000)).is_none());
    }
}
