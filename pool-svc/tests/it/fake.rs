//! Services and runtimes in one loopback server: stateful, strict, and faulty on request.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use serde_json::{Value, json};
use tokio::sync::Notify;
use warp::http::{HeaderMap, Method, StatusCode};
use warp::path::FullPath;
use warp::reply::{Reply, Response};
use warp::{Filter, hyper};

#[path = "fake_answers.rs"]
pub(crate) mod answers;

pub(crate) const KEY: &str = "the-key-of-the-pool";

/// The requests that the fake serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Create,
    Destroy,
    Status,
    Configure,
    Health,
    Provision,
    Variables,
    Reset,
    EnsureTools,
    RemoveTool,
    Redeploy,
    Details,
    Logs,
    Registry,
    LastSweep,
    Sweep,
    Usage,
    UpdateTool,
    Recipe,
    Upgrade,
}

/// How the next request of a kind goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status, and no effect.
    Before(u16),
    /// This status and code, and no effect.
    Refuse(u16, &'static str),
    /// This status, after the effect.
    After(u16),
    /// The effect, and a 200 with another body.
    Garbled,
    /// No answer until `Fake::resume`.
    Hang,
}

#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) healthy: bool,
    pub(crate) deploy: String,
    pub(crate) variables: BTreeMap<String, String>,
    /// The one key that opens its runtime.
    pub(crate) key: String,
    pub(crate) provisioned: Vec<Value>,
    /// Its tools.
    pub(crate) tools: BTreeSet<String>,
    /// The variables that its runtime received while it ran.
    pub(crate) given: BTreeMap<String, String>,
    pub(crate) configured: usize,
    pub(crate) redeployed: usize,
    pub(crate) resets: usize,
    /// The recipe that Services reports.
    pub(crate) made_from: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) instances: BTreeMap<InstanceId, Instance>,
    /// The last request to create each instance.
    pub(crate) created: BTreeMap<InstanceId, Value>,
    pub(crate) born_healthy: bool,
    /// The hash of what instances are made from now.
    pub(crate) recipe: Option<String>,
    /// The key that Services accepts in place of the usual one.
    pub(crate) services_key: Option<String>,
    /// Runtimes answer health checks without a key.
    pub(crate) open_health: bool,
    /// Runtimes accept no variables while they run.
    pub(crate) fixed_variables: bool,
    /// Overrides the whole answer of /status/batch.
    pub(crate) batch: Option<Value>,
    pub(crate) provision_answer: Option<Value>,
    /// The prices in the answers to creations, also to refused ones.
    pub(crate) prices: Value,
    /// The prices of added tools.
    pub(crate) tool_prices: Value,
    /// The answer of POST /usage/batch.
    pub(crate) usage: Value,
    /// The changed options of tools.
    pub(crate) tool_changes: Vec<Value>,
    /// The answer of GET /sweep; `None` before the first sweep.
    pub(crate) swept: Option<Value>,
    pub(crate) asked: Vec<(Op, Option<InstanceId>)>,
    faults: HashMap<Op, VecDeque<Fault>>,
    unexpected: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    resume: Arc<Notify>,
    pub(crate) url: String,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            born_healthy: true,
            prices: json!({}),
            tool_prices: json!({}),
            usage: json!({}),
            ..State::default()
        };
        let fake = Self {
            state: Arc::new(Mutex::new(state)),
            resume: Arc::new(Notify::new()),
            url,
        };
        let served = fake.clone();
        let route = warp::any()
            .and(warp::method())
            .and(warp::path::full())
            .and(warp::header::headers_cloned())
            .and(warp::body::bytes())
            .then(
                move |method: Method,
                      path: FullPath,
                      headers: HeaderMap,
                      body: hyper::body::Bytes| {
                    let fake = served.clone();
                    async move { fake.answer(&method, path.as_str(), &headers, &body).await }
                },
            );
        tokio::spawn(warp::serve(route).incoming(listener).run());
        fake
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn fail(&self, op: Op, fault: Fault) {
        self.state().faults.entry(op).or_default().push_back(fault);
    }

    /// Forgets the faults that no request has met yet.
    pub(crate) fn no_more_faults(&self) {
        self.state().faults.clear();
    }

    /// Releases the hanging requests.
    pub(crate) fn resume(&self) {
        self.resume.notify_waiters();
    }

    pub(crate) fn runtime_url(&self, id: &InstanceId) -> String {
        format!("{}/runtime/{id}", self.url)
    }

    /// An instance that exists already, made before instances had keys of their own.
    pub(crate) fn add(&self, id: &InstanceId) {
        let instance = Instance::new(true, KEY);
        self.state().instances.insert(id.clone(), instance);
    }

    pub(crate) fn times(&self, op: Op) -> usize {
        self.state()
            .asked
            .iter()
            .filter(|(asked, _)| *asked == op)
            .count()
    }

    pub(crate) fn assert_nothing_unexpected(&self) {
        assert_eq!(self.state().unexpected, Vec::<String>::new());
    }

    async fn answer(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap_or_else(|_| {
            // Of a request without a body, the last segment of its path.
            path.rsplit('/').next().unwrap_or_default().into()
        });
        let Some((op, id)) = understand(method, path, &body) else {
            self.state().unexpected.push(format!("{method} {path}"));
            return reply(501, &json!({}));
        };
        if !self.accepts(op, id.as_ref(), headers) {
            if matches!(op, Op::Health | Op::Provision | Op::Variables) {
                return problem(401, "unauthorized");
            }
            let what = format!("{method} {path} without the key");
            self.state().unexpected.push(what);
        }
        let fault = {
            let mut state = self.state();
            state.asked.push((op, id.clone()));
            state.faults.get_mut(&op).and_then(VecDeque::pop_front)
        };
        match fault {
            None => self.effect(op, id, &body),
            Some(Fault::Before(status)) => problem(status, "test_fault"),
            Some(Fault::Refuse(status, code)) => {
                let made = if op == Op::Create {
                    self.state().prices.clone()
                } else {
                    json!({})
                };
                refusal(status, code, &body, made)
            }
            Some(Fault::After(status)) => {
                self.effect(op, id, &body);
                problem(status, "test_fault")
            }
            Some(Fault::Garbled) => {
                self.effect(op, id, &body);
                reply(200, &json!(["garbled"]))
            }
            Some(Fault::Hang) => {
                self.resume.notified().await;
                self.effect(op, id, &body)
            }
        }
    }

    fn accepts(&self, op: Op, id: Option<&InstanceId>, headers: &HeaderMap) -> bool {
        let state = self.state();
        let instance = id.and_then(|id| state.instances.get(id));
        let key = match op {
            Op::Health if state.open_health => return true,
            Op::Health | Op::Provision | Op::Variables => {
                instance.map_or(KEY, |instance| &instance.key)
            }
            Op::Create
            | Op::Destroy
            | Op::Status
            | Op::Configure
            | Op::Reset
            | Op::EnsureTools
            | Op::RemoveTool
            | Op::Redeploy
            | Op::Details
            | Op::Logs
            | Op::Registry
            | Op::LastSweep
            | Op::Sweep
            | Op::Usage
            | Op::UpdateTool
            | Op::Recipe
            | Op::Upgrade => state.services_key.as_deref().unwrap_or(KEY),
        };
        let presented = headers.get("authorization");
        presented.is_some_and(|presented| presented == &format!("Bearer {key}"))
    }

    fn effect(&self, op: Op, id: Option<InstanceId>, body: &Value) -> Response {
        let Some(id) = id else {
            return self.effect_on_all(op, body);
        };
        let mut state = self.state();
        if op == Op::Create {
            return self.create(&mut state, &id, body);
        }
        let (canned, fixed) = (state.provision_answer.clone(), state.fixed_variables);
        let (recipe, prices) = (state.recipe.clone(), state.tool_prices.clone());
        let Some(instance) = state.instances.get_mut(&id) else {
            return problem(404, "unknown_instance");
        };
        match op {
            Op::Destroy => {
                state.instances.remove(&id);
                let destroyed = json!({"volumes": true, "service": true});
                reply(200, &json!({"instanceId": id, "destroyed": destroyed}))
            }
            Op::Configure => {
                let variables = serde_json::from_value(body["variables"].clone()).unwrap();
                assert_eq!(body["redeploy"], false);
                instance.variables = variables;
                instance.configured += 1;
                reply(200, &json!({"instanceId": id, "ok": true}))
            }
            Op::Health => reply(200, &instance.health(!fixed)),
            Op::Provision => {
                instance.provisioned.push(body.clone());
                let usual = || answers::provisioned(&id, body);
                reply(200, &canned.unwrap_or_else(usual))
            }
            Op::Variables | Op::EnsureTools | Op::RemoveTool => {
                tool_effect(op, &id, instance, body, fixed, prices)
            }
            Op::Reset => {
                instance.reset();
                reply(200, &json!({"ok": true}))
            }
            Op::Redeploy => {
                instance.redeployed += 1;
                instance.deploy = "DEPLOYING".to_owned();
                reply(200, &json!({"instanceId": id, "ok": true}))
            }
            Op::Details => reply(200, &answers::details(&id, instance)),
            Op::Logs => reply(200, &answers::logs(&id)),
            Op::UpdateTool => {
                state.tool_changes.push(body.clone());
                reply(200, &answers::updated(&id))
            }
            Op::Upgrade => reply(200, &instance.upgrade(&id, recipe)),
            Op::Create
            | Op::Status
            | Op::Registry
            | Op::LastSweep
            | Op::Sweep
            | Op::Usage
            | Op::Recipe => {
                unreachable!("answered above")
            }
        }
    }

    fn create(&self, state: &mut State, id: &InstanceId, body: &Value) -> Response {
        state.created.insert(id.clone(), body.clone());
        let mut new = Instance::new(state.born_healthy, &format!("key-of-{id}"));
        new.made_from.clone_from(&state.recipe);
        // A repeated request gets what exists, as from Services.
        let instance = state.instances.entry(id.clone()).or_insert(new);
        let (key, made_from) = (instance.key.clone(), instance.made_from.clone());
        reply(
            200,
            &json!({"instanceId": id, "serviceId": format!("s-{id}"), "url": self.runtime_url(id),
                    "services": {}, "runtimeKey": key, "prices": state.prices,
                    "madeFrom": made_from}),
        )
    }

    /// Requests that name no instance.
    fn effect_on_all(&self, op: Op, body: &Value) -> Response {
        let mut state = self.state();
        if op == Op::Registry {
            return reply(200, &answers::registry());
        }
        if op == Op::Usage {
            return reply(200, &state.usage);
        }
        if op == Op::Recipe {
            let tools = body["tools"].as_array().into_iter().flatten();
            if let Some(unknown) = tools.clone().position(|tool| tool == "nosuch") {
                let problem = Problem::new("unknown_tool".into(), "unknown tool \"nosuch\"");
                let problem = problem
                    .with_status(400)
                    .with_field(format!("tools[{unknown}]"));
                return reply(400, &serde_json::to_value(problem).unwrap());
            }
            return reply(200, &answers::made_from(state.recipe.as_deref()));
        }
        if op == Op::LastSweep {
            let none = || problem(404, "not_swept");
            return state
                .swept
                .as_ref()
                .map_or_else(none, |report| reply(200, report));
        }
        if op == Op::Sweep {
            let only = body["destroyOnly"].as_array();
            let named = only.is_some_and(|all| all.iter().any(answers::is_lost_inbox));
            let report = answers::sweep_report(body["destroy"] == true || named);
            return reply(200, state.swept.insert(report));
        }
        let batch = state.batch.clone();
        reply(200, &batch.unwrap_or_else(|| self.batch(&state, body)))
    }

    fn batch(&self, state: &State, body: &Value) -> Value {
        let all = || state.instances.keys().cloned().collect();
        let asked: Option<Vec<InstanceId>> =
            serde_json::from_value(body["instanceIds"].clone()).unwrap();
        asked
            .unwrap_or_else(all)
            .iter()
            .filter_map(|id| Some((id, state.instances.get(id)?)))
            .map(|(id, it)| (id.to_string(), json!({"status": it.deploy, "healthy": it.healthy, "url": self.runtime_url(id), "madeFrom": it.made_from})))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

impl Instance {
    fn health(&self, variables: bool) -> Value {
        let provisioned = !self.provisioned.is_empty();
        json!({"ready": self.healthy, "provisioned": provisioned, "variables": variables})
    }

    fn reset(&mut self) {
        self.provisioned.clear();
        self.given.clear();
        self.resets += 1;
    }

    fn upgrade(&mut self, id: &InstanceId, recipe: Option<String>) -> Value {
        let made_from = answers::made_from(recipe.as_deref());
        self.made_from = recipe;
        self.redeployed += 1;
        json!({"instanceId": id, "deployed": true, "madeFrom": made_from})
    }

    fn new(healthy: bool, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            healthy,
            deploy: "SUCCESS".to_owned(),
            variables: BTreeMap::new(),
            provisioned: Vec::new(),
            tools: BTreeSet::new(),
            given: BTreeMap::new(),
            configured: 0,
            redeployed: 0,
            resets: 0,
            made_from: None,
        }
    }
}

/// Requests that change the tools of an instance, or deliver their variables to its runtime.
fn tool_effect(
    op: Op,
    id: &InstanceId,
    instance: &mut Instance,
    body: &Value,
    fixed: bool,
    prices: Value,
) -> Response {
    if op == Op::EnsureTools {
        let tools: Vec<String> = serde_json::from_value(body["tools"].clone()).unwrap();
        let made: Vec<_> = tools
            .iter()
            .filter(|tool| instance.tools.insert((*tool).clone()))
            .collect();
        let mut ensured = answers::ensured(id, &tools, &made);
        ensured["prices"] = prices;
        return reply(200, &ensured);
    }
    if op == Op::RemoveTool {
        let tool = body.as_str().unwrap();
        let removed = instance.tools.remove(tool);
        let names = [answers::variable(tool)];
        let removed =
            json!({"instanceId": id, "toolId": tool, "removed": removed, "variables": names});
        return reply(200, &removed);
    }
    if fixed {
        return problem(404, "unknown_route");
    }
    let given: BTreeMap<String, String> =
        serde_json::from_value(body["variables"].clone()).unwrap();
    instance.given.extend(given);
    reply(200, &json!({"ok": true}))
}

fn understand(method: &Method, path: &str, body: &Value) -> Option<(Op, Option<InstanceId>)> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let id = |text: &str| text.parse().ok();
    match (method.as_str(), segments.as_slice()) {
        ("POST", ["create-instance"]) => {
            Some((Op::Create, Some(id(body["instanceId"].as_str()?)?)))
        }
        ("DELETE", ["destroy", one]) => Some((Op::Destroy, Some(id(one)?))),
        ("POST", ["status", "batch"]) => Some((Op::Status, None)),
        ("POST", ["usage", "batch"]) => Some((Op::Usage, None)),
        ("PATCH", ["provision", one, _]) => Some((Op::UpdateTool, Some(id(one)?))),
        ("GET", ["registry"]) => Some((Op::Registry, None)),
        ("POST", ["recipe"]) => Some((Op::Recipe, None)),
        ("POST", ["upgrade", one]) => Some((Op::Upgrade, Some(id(one)?))),
        ("GET", ["sweep"]) => Some((Op::LastSweep, None)),
        ("POST", ["sweep"]) => Some((Op::Sweep, None)),
        ("POST", ["redeploy", one]) => Some((Op::Redeploy, Some(id(one)?))),
        ("GET", ["instances", one]) => Some((Op::Details, Some(id(one)?))),
        ("PUT", ["instances", one, "tools"]) => Some((Op::EnsureTools, Some(id(one)?))),
        ("DELETE", ["instances", one, "tools", _]) => Some((Op::RemoveTool, Some(id(one)?))),
        ("GET", ["logs", one]) => Some((Op::Logs, Some(id(one)?))),
        ("POST", ["configure", one]) => Some((Op::Configure, Some(id(one)?))),
        ("GET", ["runtime", one, "pool", "health"]) => Some((Op::Health, Some(id(one)?))),
        ("POST", ["runtime", one, "pool", "variables"]) => Some((Op::Variables, Some(id(one)?))),
        ("POST", ["runtime", one, "pool", "reset"]) => Some((Op::Reset, Some(id(one)?))),
        ("POST", ["runtime", one, "pool", "provision"]) => Some((Op::Provision, Some(id(one)?))),
        _ => None,
    }
}

fn problem(status: u16, code: &str) -> Response {
    refusal(status, code, &Value::Null, json!({}))
}

/// It quotes the join link, as runtimes do. `made` are the prices of resources that were created and undone.
fn refusal(status: u16, code: &str, request: &Value, made: Value) -> Response {
    let link = request["joinUrl"].as_str().unwrap_or_default();
    let problem = Problem::new(code.into(), format!("the fake says so {link}"));
    let problem = problem
        .with_status(status)
        .with_prices(serde_json::from_value(made).unwrap());
    reply(status, &serde_json::to_value(problem).unwrap())
}

fn reply(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    warp::reply::with_status(warp::reply::json(body), status).into_response()
}
