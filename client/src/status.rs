//! The status of all instances, parsed one by one: a fleet may have tens of thousands.

use std::fmt;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::services::{InstanceReport, StatusBatch};
use serde::de::{Deserializer as _, MapAccess, Visitor};

use crate::CallError;
use crate::call::{Api, make_safe};

/// The answer of [`crate::Services::status`], not parsed yet.
#[derive(Debug)]
pub struct StatusAnswer {
    pub(crate) api: Api,
    pub(crate) body: Vec<u8>,
}

impl StatusAnswer {
    /// Passes the report of each instance to `each`, in the order of the answer.
    ///
    /// # Errors
    /// The answer is unreadable. What was read before that is then worth nothing.
    pub fn for_each(&self, each: impl FnMut(InstanceId, InstanceReport)) -> Result<(), CallError> {
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let read = json
            .deserialize_map(Reports(each))
            .and_then(|()| json.end());
        read.map_err(|error| self.api.unreadable(error.to_string()))
    }

    /// All reports, for a fleet that may be kept in memory.
    ///
    /// # Errors
    /// The answer is unreadable.
    pub fn parse(&self) -> Result<StatusBatch, CallError> {
        let mut batch = StatusBatch::new();
        self.for_each(|id, report| drop(batch.insert(id, report)))?;
        Ok(batch)
    }
}

struct Reports<F>(F);

impl<'de, F: FnMut(InstanceId, InstanceReport)> Visitor<'de> for Reports<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reports by instance")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((id, mut report)) = map.next_entry::<InstanceId, InstanceReport>()? {
            let texts = [
                &mut report.detail,
                &mut report.image,
                &mut report.image_digest,
                &mut report.version,
            ];
            texts.into_iter().flatten().for_each(make_safe);
            (self.0)(id, report);
        }
        Ok(())
    }
}
