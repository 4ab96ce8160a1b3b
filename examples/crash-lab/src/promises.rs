//! Checks the promises against the vendors' state, the rows, and the answers that clients got. No other place judges
//! them.

use std::collections::{BTreeMap, BTreeSet};

use agent_pool_core::wire::pool::Claimed;
use fake_cloud::{CloudState, RailwayState, TelnyxOrderStatus};

use crate::rows::{InfraRow, PoolRow};
use crate::runtime::Provisioned;
use crate::settings::{ENVIRONMENT, Phases};

/// The whole state at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot<'a> {
    pub(crate) vendors: CloudState,
    pub(crate) pool: BTreeMap<String, PoolRow>,
    pub(crate) services: BTreeMap<String, InfraRow>,
    pub(crate) provisioned: &'a Provisioned,
    /// When instances get their tools.
    pub(crate) phases: Phases,
    /// The acknowledged claims whose instance nobody killed since.
    pub(crate) acknowledged: Vec<Claimed>,
}

/// Descriptions of the broken promises; empty if all hold.
#[derive(Debug, Default)]
struct Broken(Vec<String>);

impl Broken {
    fn unless(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }

    /// Compares two sets that must be equal.
    fn unless_same(&mut self, what: &str, there: Vec<&str>, rows: Vec<&str>) {
        let (mut there, mut rows) = (there, rows);
        there.sort_unstable();
        rows.sort_unstable();
        self.unless(there == rows, || {
            format!("{what}: the vendor has {there:?}, the rows have {rows:?}")
        });
    }
}

impl Snapshot<'_> {
    /// Every promise that does not hold.
    pub(crate) fn broken(&self) -> Vec<String> {
        let mut broken = Broken::default();
        self.rows_are_settled(&mut broken);
        self.vendors_have_what_the_rows_have(&mut broken);
        for (id, row) in &self.pool {
            self.instance_is_whole(&mut broken, id, row);
        }
        self.claims_are_there(&mut broken);
        broken.0
    }

    fn rows_are_settled(&self, broken: &mut Broken) {
        for (id, row) in &self.pool {
            let settled = matches!(row.status.as_str(), "idle" | "claimed" | "crashed");
            broken.unless(settled, || format!("stuck row: {id} is {}", row.status));
        }
        for (id, infra) in &self.services {
            broken.unless(infra.settled, || format!("stuck row: infra of {id}"));
            for (tool, row) in &infra.tools {
                broken.unless(row.settled, || format!("stuck row: {tool} of {id}"));
            }
        }
        let pool: Vec<_> = self.pool.keys().collect();
        let services: Vec<_> = self.services.keys().collect();
        broken.unless(pool == services, || {
            format!("rows: Pool has {pool:?}, Services has {services:?}")
        });
    }

    fn vendors_have_what_the_rows_have(&self, broken: &mut Broken) {
        let CloudState {
            railway,
            openrouter,
            agentmail,
            telnyx,
        } = &self.vendors;
        let infras = self.services.values();
        let services: Vec<_> = infras.map(|infra| infra.service.as_str()).collect();
        volumes_and_domains(broken, railway, &services);
        let there = railway.services.iter().map(|one| one.id.as_str());
        broken.unless_same("services", there.collect(), services);
        let keys = openrouter.keys.iter().map(|key| key.hash.as_str());
        broken.unless_same("keys", keys.collect(), self.resources("openrouter"));
        let inboxes = agentmail.inboxes.iter().map(|one| one.inbox_id.as_str());
        broken.unless_same("inboxes", inboxes.collect(), self.resources("agentmail"));
        let of_keys = agentmail.api_keys.iter().map(|key| key.inbox_id.as_str());
        broken.unless_same(
            "keys of inboxes",
            of_keys.collect(),
            self.resources("agentmail"),
        );
        let numbers = telnyx.numbers.iter().map(|one| one.phone_number.as_str());
        broken.unless_same("numbers", numbers.collect(), self.resources("telnyx"));
        let pending = telnyx
            .orders
            .iter()
            .filter(|order| order.status == TelnyxOrderStatus::Pending);
        let pending = pending.count();
        broken.unless(pending == 0, || {
            format!("{pending} orders of numbers are pending")
        });
    }

    fn resources(&self, tool: &str) -> Vec<&str> {
        let infras = self.services.values();
        let rows = infras.filter_map(|infra| infra.tools.get(tool));
        rows.map(|row| row.resource.as_str()).collect()
    }

    /// An idle or claimed instance has all its tools and their variables. An idle one was never provisioned, a claimed one
    /// once.
    fn instance_is_whole(&self, broken: &mut Broken, id: &str, row: &PoolRow) {
        let Some(infra) = self.services.get(id) else {
            return; // Already reported.
        };
        let tools: BTreeSet<_> = infra.tools.keys().map(String::as_str).collect();
        let Phases {
            warm,
            claim,
            demand,
        } = self.phases;
        // An idle instance has no claim tools, and a claimed one has all.
        let claim = if row.status == "idle" { &[] } else { claim };
        let due: BTreeSet<_> = warm.iter().chain(claim).copied().collect();
        let allowed: BTreeSet<_> = due.iter().chain(demand).copied().collect();
        let whole = due.is_subset(&tools) && tools.is_subset(&allowed);
        broken.unless(whole, || format!("half-provisioned: {id} has {tools:?}"));
        let railway = &self.vendors.railway;
        let instance = railway
            .instances
            .iter()
            .find(|one| one.service_id == infra.service);
        let Some(instance) = instance else {
            return;
        };
        let has = |name: &str| instance.variables.contains_key(name);
        for tool in infra.tools.values() {
            let name = &tool.variable;
            broken.unless(has(name), || {
                format!("half-provisioned: {id} has no {name}")
            });
        }
        let agents = self
            .provisioned
            .for_service(&format!("ap-{ENVIRONMENT}-{id}"));
        match row.status.as_str() {
            "idle" => {
                broken.unless(instance.running, || format!("idle {id} does not run"));
                let clean = agents.is_empty() && !has("AGENT_NAME");
                broken.unless(clean, || format!("idle {id} was given to {agents:?}"));
            }
            "claimed" | "crashed" => {
                let own = row.agent_name.iter().eq(&agents);
                broken.unless(own, || {
                    format!(
                        "{id} is of {:?}, and was given to {agents:?}",
                        row.agent_name
                    )
                });
            }
            _ => {}
        }
    }

    fn claims_are_there(&self, broken: &mut Broken) {
        let mut handed_out = BTreeSet::new();
        for claim in &self.acknowledged {
            let id = claim.instance_id.as_str();
            broken.unless(handed_out.insert(id), || format!("double claim of {id}"));
            let there = self.pool.get(id).is_some_and(|row| {
                matches!(row.status.as_str(), "claimed" | "crashed")
                    && row.conversation_id.as_deref() == Some(claim.conversation_id.as_str())
            });
            broken.unless(there, || {
                let row = self.pool.get(id);
                format!("an acknowledged claim is lost: {claim:?}, {row:?}")
            });
        }
    }
}

/// Every service has one volume and one domain, and there are no others.
fn volumes_and_domains(broken: &mut Broken, railway: &RailwayState, services: &[&str]) {
    let live = railway
        .volumes
        .iter()
        .filter(|volume| !volume.pending_deletion);
    let mut of_volumes = Vec::new();
    for volume in live {
        let service = volume.service_ids.first().map(String::as_str);
        broken.unless(service.is_some(), || {
            format!("volume {} belongs to no instance", volume.name)
        });
        of_volumes.extend(service);
    }
    broken.unless_same("volumes", of_volumes, services.to_vec());
    let domains = railway.domains.iter().map(|one| one.service_id.as_str());
    broken.unless_same("domains", domains.collect(), services.to_vec());
}
