//! Smoke test: runs every measurement at the smallest size, and asserts no timing.

#![cfg(test)]

use std::process::Command;

use serde_json::Value;

#[test]
fn every_measurement_gives_figures() {
    let folder = tempfile::tempdir().unwrap();
    let (json, svg) = (
        folder.path().join("out.json"),
        folder.path().join("growth.svg"),
    );
    let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"));
    let output = bench
        .args(["--size", "tiny", "--json"])
        .arg(&json)
        .arg("--svg")
        .arg(&svg)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let figures = report["figures"].as_array().unwrap();
    let named = |name: &str| {
        figures
            .iter()
            .any(|figure| figure["name"].as_str().unwrap().contains(name))
    };
    for name in [
        "claims",
        "p99",
        "CPU",
        "served out of turn",
        "configure",
        "tick of",
        "5 idle",
        "vendor calls",
        "memory",
        "kill -9",
    ] {
        assert!(named(name), "no figure about {name}: {figures:#?}");
    }
    assert!(
        figures
            .iter()
            .all(|figure| figure["value"].as_f64().unwrap() > 0.0 || figure["unit"] != "1/s")
    );
    assert!(std::fs::read_to_string(svg).unwrap().contains("<polyline"));
}
