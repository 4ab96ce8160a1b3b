//! The metrics of a sweep.

use agent_pool_core::wire::services::SweepReport;
use metrics::{counter, gauge};

use super::listed::Provider;

/// Records the remaining orphans and missing resources of each provider that answered, and how many were destroyed or
/// repaired.
pub(super) fn record_metrics(providers: &[Provider], report: &SweepReport) {
    for provider in providers {
        let name = provider.name();
        let orphans = report.orphans.iter().filter(|one| one.provider == name);
        let (destroyed, orphans): (Vec<_>, Vec<_>) = orphans.partition(|one| one.destroyed);
        let missing = report.missing.iter().filter(|one| one.provider == name);
        let (repaired, missing): (Vec<_>, Vec<_>) = missing.partition(|one| one.repaired);
        let answered = !report.failures.contains_key(name);
        for (gauge, left) in [
            ("agent_pool_orphans", orphans.len()),
            ("agent_pool_missing", missing.len()),
        ] {
            if answered || left > 0 {
                let left = u32::try_from(left).unwrap_or(u32::MAX);
                gauge!(gauge, "provider" => name.to_owned()).set(left);
            }
        }
        for (counter, done) in [
            ("agent_pool_orphans_destroyed_total", destroyed.len()),
            ("agent_pool_missing_repaired_total", repaired.len()),
        ] {
            counter!(counter, "provider" => name.to_owned()).increment(done as u64);
        }
    }
}
