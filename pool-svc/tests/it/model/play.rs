//! A round, played on two real replicas.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agent_pool_service_kit::testing::eventually;
use futures_util::future::join_all;
use proptest::sample::Index;
use serde::Deserialize;
use serde_json::{Value, json};

use super::round::{Request, Round};
use super::rules::{Event, Model};
use super::{MAX_TOTAL, MIN_IDLE};
use crate::fake::{KEY, Op};
use crate::world::{Answer, SOON, World, answer, replica, settings};

/// How often hanging requests are released while a round is in progress.
const LET_GO_EVERY: Duration = Duration::from_millis(10);

/// Counts the rows that are not at rest: those that a task works on, and those that will still change.
const BUSY: &str = "SELECT count(*)::text AS it FROM instances
    WHERE (status = 'starting' AND url IS NULL) OR status = 'claiming'
       OR (status = 'destroying' AND lease_expires_at > now())";

/// The rows and the log, in one statement, so that they are consistent.
const SNAPSHOT: &str = "SELECT json_build_object(
    'fleet', (SELECT coalesce(json_object_agg(id, status), '{}') FROM instances),
    'agents', (SELECT coalesce(json_object_agg(id, agent_name), '{}') FROM instances
               WHERE status = 'claimed'),
    'events', (SELECT coalesce(json_agg(json_build_object('id', id, 'instance', instance_id,
                   'from', from_status, 'to', to_status, 'cause', cause) ORDER BY id), '[]')
               FROM instance_events))::text AS it";

#[derive(Debug, Deserialize)]
struct Snapshot {
    fleet: BTreeMap<String, String>,
    agents: BTreeMap<String, String>,
    events: Vec<Event>,
}

/// The requests of a round, and their answers.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) faults: Vec<Op>,
    pub(super) claims: usize,
    /// The agent of each instance that a claim returned.
    pub(super) claimed: BTreeMap<String, String>,
    pub(super) ticks: bool,
    pub(super) replenished: usize,
    pub(super) drained: usize,
    /// Instances whose kill or dismissal was confirmed.
    pub(super) condemned: BTreeSet<String>,
    pub(super) leases_expire: bool,
    /// Whether there were only claims, and nothing that could disturb them.
    pub(super) only_claims: bool,
}

/// Two replicas on one database, and the model that they are compared with.
pub(super) struct Game {
    world: World,
    second: String,
    model: Model,
    agents: usize,
}

/// A request that is sent, and what identifies it.
enum Sent {
    Claim(String),
    Condemn(String),
    Other,
}

impl Game {
    pub(super) async fn new() -> Self {
        let (max, min) = (MAX_TOTAL.to_string(), MIN_IDLE.to_string());
        let more = [("POOL_MAX_TOTAL", &*max), ("POOL_MIN_IDLE", &*min)];
        let world = World::new(&more).await;
        let second = replica(&settings(&world.database, &world.fake.url, &more)).await;
        Self {
            world,
            second,
            model: Model::default(),
            agents: 0,
        }
    }

    pub(super) async fn play(&mut self, round: &Round) {
        if let Some(id) = round.dying.as_ref().and_then(|index| self.pick(index)) {
            self.die(&id);
        }
        for (op, fault) in &round.faults {
            self.world.fake.fail(*op, fault.clone());
        }
        let mut played = self.ask(round).await;
        self.world.fake.no_more_faults();
        self.rest().await;
        played.faults = round.faults.iter().map(|(op, _)| *op).collect();
        self.compare(&played).await;
    }

    /// Without faults, all work eventually ends and nothing is left over.
    pub(super) async fn end(mut self) {
        let calm = Round {
            faults: Vec::new(),
            dying: None,
            requests: vec![(false, Request::Tick), (true, Request::Tick)],
            leases_expire: true,
        };
        eventually("all is well", SOON, async || {
            self.play(&calm).await;
            let unfinished = ["starting", "claiming", "destroying"];
            let finished = unfinished
                .iter()
                .all(|status| self.model.count(status) == 0);
            let full = self.model.fleet.len() == MAX_TOTAL;
            finished && (full || self.model.count("idle") >= MIN_IDLE)
        })
        .await;
        let vendors: Vec<_> = self.vendors();
        let rows: Vec<_> = self.model.fleet.keys().cloned().collect();
        assert_eq!(vendors, rows, "the instances, and the rows");
        self.world.fake.assert_nothing_unexpected();
    }

    fn vendors(&self) -> Vec<String> {
        let state = self.world.fake.state();
        state.instances.keys().map(ToString::to_string).collect()
    }

    fn pick(&self, index: &Index) -> Option<String> {
        let fleet: Vec<_> = self.model.fleet.keys().collect();
        (!fleet.is_empty()).then(|| (*index.get(&fleet)).clone())
    }

    fn die(&mut self, id: &str) {
        let mut state = self.world.fake.state();
        if let Some(instance) = state.instances.get_mut(&id.parse().unwrap()) {
            instance.healthy = false;
            "CRASHED".clone_into(&mut instance.deploy);
            self.model.dead.insert(id.to_owned());
        }
    }

    /// Sends all requests of a round at once, and releases hanging ones until all are answered.
    async fn ask(&mut self, round: &Round) -> Played {
        let mut played = Played {
            leases_expire: round.leases_expire,
            ticks: round.leases_expire,
            only_claims: round.faults.is_empty() && !round.leases_expire,
            ..Played::default()
        };
        let mut under_way = Vec::new();
        for (second, request) in &round.requests {
            if let Some((sent, path, body)) = self.sent(request, &mut played) {
                let answered = self.send(*second, path, body);
                under_way.push(async move { (sent, answered.await) });
            }
        }
        let all = join_all(under_way);
        tokio::pin!(all);
        let mut expire = round.leases_expire;
        let answers = loop {
            tokio::select! {
                answers = &mut all => break answers,
                () = tokio::time::sleep(LET_GO_EVERY) => {}
            }
            if std::mem::take(&mut expire) {
                self.leases_expire().await;
            }
            self.world.fake.resume();
        };
        if expire {
            self.leases_expire().await;
        }
        for (sent, answer) in answers {
            note(&mut played, sent, &answer);
        }
        played
    }

    /// The request as it is sent; `None` if the fleet has no instance for it.
    fn sent(
        &mut self,
        request: &Request,
        played: &mut Played,
    ) -> Option<(Sent, (&'static str, String), Value)> {
        let undisturbing = matches!(request, Request::Claim);
        played.only_claims &= undisturbing;
        let post = |path: &str| ("POST", path.to_owned());
        Some(match request {
            Request::Claim => {
                self.agents += 1;
                played.claims += 1;
                let agent = format!("agent {}", self.agents);
                let body = json!({"agentName": agent});
                (Sent::Claim(agent), post("/api/pool/claim"), body)
            }
            Request::Tick => {
                played.ticks = true;
                (Sent::Other, post("/api/pool/reconcile"), json!({}))
            }
            Request::Replenish(count) => {
                played.replenished += *count as usize;
                (
                    Sent::Other,
                    post("/api/pool/replenish"),
                    json!({"count": count}),
                )
            }
            Request::Drain(count) => {
                played.drained += *count as usize;
                (
                    Sent::Other,
                    post("/api/pool/drain"),
                    json!({"count": count}),
                )
            }
            Request::Kill(index) => {
                let id = self.pick(index)?;
                let path = format!("/api/pool/instances/{id}");
                (Sent::Condemn(id), ("DELETE", path), Value::Null)
            }
            Request::Dismiss(index) => {
                let id = self.pick(index)?;
                let path = format!("/api/pool/crashed/{id}");
                (Sent::Condemn(id), ("DELETE", path), Value::Null)
            }
        })
    }

    fn send(
        &self,
        second: bool,
        (method, path): (&str, String),
        body: Value,
    ) -> impl Future<Output = Answer> + use<> {
        let url = if second {
            &self.second
        } else {
            &self.world.url
        };
        let request = self
            .world
            .http
            .request(method.parse().unwrap(), format!("{url}{path}"));
        answer(request.bearer_auth(KEY).json(&body))
    }

    async fn leases_expire(&self) {
        let past = "UPDATE instances SET lease_expires_at = now() - interval '1 second'
                    WHERE lease_expires_at > now()";
        self.world.sql(past).await;
        let tick = |second| {
            self.send(
                second,
                ("POST", "/api/pool/reconcile".to_owned()),
                json!({}),
            )
        };
        let ticks = async { tokio::join!(tick(false), tick(true)) };
        tokio::pin!(ticks);
        // A tick may hang because of a fault.
        loop {
            tokio::select! {
                _ = &mut ticks => return,
                () = tokio::time::sleep(LET_GO_EVERY) => self.world.fake.resume(),
            }
        }
    }

    /// Waits until nothing changes without a request.
    async fn rest(&self) {
        eventually("the pool is at rest", SOON, async || {
            self.world.fake.resume();
            let busy = self.world.ask(BUSY).await;
            busy.as_deref() == Some("0") && self.settled(&self.snapshot().await)
        })
        .await;
    }

    /// Whether every instance has a row, and no healthy one is still starting.
    fn settled(&self, snapshot: &Snapshot) -> bool {
        let dead = |id: &String| self.model.dead.contains(id);
        let mut starting = snapshot
            .fleet
            .iter()
            .filter(|(_, status)| *status == "starting");
        let owned = |id: &String| snapshot.fleet.contains_key(id);
        self.vendors().iter().all(owned) && starting.all(|(id, _)| dead(id))
    }

    async fn snapshot(&self) -> Snapshot {
        let text = self.world.ask(SNAPSHOT).await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn compare(&mut self, played: &Played) {
        let mut snapshot = self.snapshot().await;
        snapshot.events.retain(|event| event.id > self.model.seen);
        self.model.follow(&snapshot.events, played);
        assert_eq!(self.model.fleet, snapshot.fleet, "the model, and the rows");
        assert_eq!(
            self.model.agents(),
            snapshot.agents,
            "the agent of each instance"
        );
        self.assert_instructions_reach_one_person();
    }

    /// Asserts that no instance ever received the instructions of two people, or other ones than its owner's.
    fn assert_instructions_reach_one_person(&self) {
        let agents = self.model.agents();
        for (id, instance) in &self.world.fake.state().instances {
            let names: Vec<_> = instance
                .provisioned
                .iter()
                .map(|request| &request["agentName"])
                .collect();
            assert!(names.len() <= 1, "{id} received {names:?}");
            if let Some(agent) = agents.get(id.as_str()) {
                assert_eq!(names, [agent.as_str()], "{id}");
            }
        }
    }
}

fn note(played: &mut Played, sent: Sent, answer: &Answer) {
    match sent {
        Sent::Claim(agent) if answer.status == 200 => {
            let id = answer.body["instanceId"].as_str().unwrap().to_owned();
            let twice = played.claimed.insert(id, agent);
            assert_eq!(twice, None, "one instance for two claims: {}", answer.body);
        }
        Sent::Condemn(id) if answer.status < 300 => {
            played.condemned.insert(id);
        }
        Sent::Claim(_) | Sent::Condemn(_) | Sent::Other => {}
    }
}
