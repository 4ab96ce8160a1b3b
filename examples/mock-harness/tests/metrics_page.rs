//! `docs/metrics.md` lists exactly the metrics that the services record.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use agent_pool_core::metrics::MetricSpec;
use agent_pool_service_kit::testing::assert_generated;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every table of metrics, with the folders whose code records them.
fn tables() -> [(&'static str, &'static [MetricSpec], &'static [&'static str]); 4] {
    [
        ("pool-svc", pool_svc::METRICS, &["pool-svc/src"]),
        ("services-svc", services_svc::METRICS, &["services-svc/src"]),
        (
            "Both services",
            agent_pool_service_kit::metrics::METRICS,
            &["service-kit/src"],
        ),
        (
            "Calls of providers, in services-svc",
            agent_pool_core::metrics::METRICS,
            &["core/src"],
        ),
    ]
}

fn page() -> String {
    let mut page = "# Metrics\n\n\
        The metrics at `/metrics` of each service, in the Prometheus text format. A histogram is in seconds and has the series\n\
        `_bucket`, `_sum` and `_count`. Dashboard and alerts: [`deploy/grafana`](../deploy/grafana),\n\
        [`deploy/prometheus`](../deploy/prometheus).\n\n\
        <!-- Generated from the tables in the code; update it with: UPDATE=1 cargo test -p mock-harness --test metrics_page -->\n"
        .to_owned();
    for (title, metrics, _) in tables() {
        write!(
            page,
            "\n## {title}\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n"
        )
        .unwrap();
        for metric in metrics {
            let labels: Vec<_> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
            let MetricSpec {
                name, kind, help, ..
            } = metric;
            let (kind, labels) = (kind.as_str(), labels.join(", "));
            writeln!(page, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
        }
    }
    page
}

/// The names of metrics in the code below `folder`, without tables and tests.
fn recorded(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            recorded(&path, names);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.contains("MetricSpec") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for part in code.split("\"agent_pool_").skip(1) {
            let name = part.split('"').next().unwrap();
            // A cookie.
            if name != "session" {
                names.insert(format!("agent_pool_{name}"));
            }
        }
    }
}

#[test]
fn the_page_is_generated() {
    assert_generated(&root().join("docs/metrics.md"), &page());
}

#[test]
fn every_metric_in_the_code_is_described_and_every_description_is_of_one() {
    for (title, metrics, folders) in tables() {
        let mut in_code = BTreeSet::new();
        for folder in folders {
            recorded(&root().join(folder), &mut in_code);
        }
        let described: BTreeSet<_> = metrics.iter().map(|it| it.name.to_owned()).collect();
        assert_eq!(described, in_code, "{title}: described, and in the code");
    }
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    use agent_pool_core::metrics::MetricKind;
    for metric in tables().iter().flat_map(|(_, metrics, _)| *metrics) {
        let name = metric.name;
        let counter = metric.kind == MetricKind::Counter;
        assert_eq!(
            name.ends_with("_total"),
            counter,
            "{name}: only a counter is a total"
        );
        let histogram = metric.kind == MetricKind::Histogram;
        assert!(
            !histogram || name.ends_with("_seconds"),
            "{name}: a histogram is in seconds"
        );
        assert!(
            !metric.help.ends_with('.'),
            "{name}: a phrase, not a sentence"
        );
    }
}
