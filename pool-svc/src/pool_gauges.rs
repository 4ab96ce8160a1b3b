//! Gauges that only some pools have, such as the budget of a pool that has one.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use agent_pool_core::PoolName;
use metrics::gauge;

/// Gauges with the label `pool`, set together.
#[derive(Debug)]
pub(crate) struct PoolGauges<const N: usize> {
    names: [&'static str; N],
    /// The pools whose gauges have a value.
    set: Mutex<BTreeSet<PoolName>>,
}

impl<const N: usize> PoolGauges<N> {
    pub(crate) const fn new(names: [&'static str; N]) -> Self {
        Self {
            names,
            set: Mutex::new(BTreeSet::new()),
        }
    }

    pub(crate) fn set(&self, pool: &PoolName, values: [f64; N]) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.insert(pool.clone());
        self.write(pool, values);
    }

    /// Removes the values of the pools for which `keep` is false: they become NaN, because a gauge that was exposed once
    /// stays until the end of the process.
    pub(crate) fn retain(&self, keep: impl Fn(&PoolName) -> bool) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.retain(|pool| {
            let kept = keep(pool);
            if !kept {
                self.write(pool, [f64::NAN; N]);
            }
            kept
        });
    }

    fn write(&self, pool: &PoolName, values: [f64; N]) {
        for (name, value) in self.names.into_iter().zip(values) {
            gauge!(name, "pool" => pool.to_string()).set(value);
        }
    }
}
