//! The four vendors behind one listener.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agentmail::{AgentMail, AgentMailState};
use crate::api::{Rest, VendorApi};
use crate::fault::Faults;
use crate::gate::{Gate, Gated};
use crate::keys::Keys;
use crate::ledger::Ledger;
use crate::openrouter::{OpenRouter, OpenRouterState};
use crate::options::Options;
use crate::railway::{Railway, RailwayState};
use crate::rate::Meter;
use crate::sync::lock;
use crate::telnyx::{Telnyx, TelnyxState};

/// The resources of the four vendors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CloudState {
    /// Railway's.
    pub railway: RailwayState,
    /// OpenRouter's.
    pub openrouter: OpenRouterState,
    /// AgentMail's.
    pub agentmail: AgentMailState,
    /// Telnyx's.
    pub telnyx: TelnyxState,
}

/// Everything behind the listener.
pub(crate) struct Inner {
    pub(crate) gate: Gate,
    pub(crate) railway: Arc<Railway>,
    pub(crate) openrouter: Arc<Rest<OpenRouter>>,
    pub(crate) agentmail: Arc<Rest<AgentMail>>,
    pub(crate) telnyx: Arc<Rest<Telnyx>>,
}

impl Inner {
    pub(crate) fn new(options: &Options) -> Self {
        let seed = options.seed; // one more for each vendor, so that no two generate the same ids
        let state = crate::railway::State::new(options.railway.clone(), seed);
        let railway = Arc::new(Railway::new(state, Arc::clone(&options.launcher)));
        let openrouter = Arc::new(Rest::new(OpenRouter::new(
            options.openrouter.clone(),
            seed.wrapping_add(1),
        )));
        let agentmail = Arc::new(Rest::new(AgentMail::new(
            options.agentmail.clone(),
            seed.wrapping_add(2),
        )));
        let telnyx = Arc::new(Rest::new(Telnyx::new(
            options.telnyx.clone(),
            seed.wrapping_add(3),
        )));
        let vendors: [Arc<dyn VendorApi>; 4] = [
            Arc::clone(&railway) as _,
            Arc::clone(&openrouter) as _,
            Arc::clone(&agentmail) as _,
            Arc::clone(&telnyx) as _,
        ];
        let gated = vendors.into_iter().map(|api| Gated {
            api,
            meter: Meter::new(None).into(),
            latency: options.latency.into(),
        });
        let gate = Gate {
            vendors: gated.collect(),
            faults: Faults::new(seed).into(),
            ledger: Ledger::default().into(),
            keys: Keys::default().into(),
            record: options.record,
        };
        Self {
            gate,
            railway,
            openrouter,
            agentmail,
            telnyx,
        }
    }

    pub(crate) fn state(&self) -> CloudState {
        CloudState {
            railway: lock(&self.railway.state).snapshot(),
            openrouter: lock(&self.openrouter.state).held.clone(),
            agentmail: lock(&self.agentmail.state).held.clone(),
            telnyx: lock(&self.telnyx.state).held.clone(),
        }
    }
}
