//! The vendor's API as the provider uses it, in memory. It answers as the vendor's documentation says, and runs nothing
//! unless it is given a command.

mod program;

use std::collections::BTreeMap;

use agent_pool_core::conformance::{
    FakeInstance, FakeRequest, FakeResponse, FakeVendor, Held,
};
use agent_pool_core::{EnvVars, Secret};
use program::Program;
use serde_json::{Value, json};

const TOKEN: &str = "token-of-the-fake";

type Variables = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub(crate) struct Acme {
    /// The command of every machine; empty if machines run nothing.
    command: Vec<String>,
    created: usize,
    machines: Vec<Machine>,
}

#[derive(Debug)]
struct Machine {
    id: String,
    name: String,
    instance: FakeInstance,
    variables: Variables,
    /// The variables of each start, oldest first.
    starts: Vec<Variables>,
    program: Option<Program>,
}

impl FakeVendor for Acme {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("ACME_API_URL", url.to_owned()),
            ("ACME_TOKEN", TOKEN.to_owned()),
            ("ACME_IMAGE", "registry.example/agent:1".to_owned()),
        ]
    }

    // Yours: the same calls from the vendor's side
    fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        if request.bearer() != Some(TOKEN) {
            return Some(FakeResponse::json(
                401,
                &json!({ "error": "no such token" }),
            ));
        }
        match (request.method(), &request.path()[..]) {
            ("GET", ["machines"]) => {
                let machines: Vec<Value> = self.machines.iter().map(Machine::json).collect();
                Some(FakeResponse::json(200, &json!({ "machines": machines })))
            }
            ("POST", ["machines"]) => self.create(request),
            ("PATCH", ["machines", id]) => self.with(id, |machine| {
                let changes: Variables = request.member("env").unwrap_or_default();
                machine.variables.extend(changes);
                if let Some(image) = request.member("image") {
                    machine.instance.image = image;
                }
            }),
            ("POST", ["machines", id, "start"]) => self.with(id, |machine| {
                machine.starts.push(machine.variables.clone());
                machine.instance.has_ended = false;
                machine.run();
            }),
            ("GET", ["machines", id, "logs"]) => {
                let lines = &self.machine(id)?.instance.lines;
                Some(FakeResponse::json(200, &json!({ "lines": lines })))
            }
            ("DELETE", ["machines", id]) => {
                let deleted = self.with(id, |_| ());
                self.machines.retain(|machine| machine.id != *id);
                deleted
            }
            _ => None,
        }
    }

    fn held(&self) -> Vec<Held> {
        let names = self.machines.iter().map(|machine| machine.name.clone());
        names
            .map(|label| Held {
                kind: "machine",
                label,
            })
            .collect()
    }

    fn changes(&self) -> &'static [&'static str] {
        &["POST /machines", "PATCH /machines"]
    }

    fn deployments(&self, service: &str) -> Option<Vec<EnvVars>> {
        let mut machines = self.machines.iter();
        let machine = machines.find(|machine| machine.id == service);
        let starts = machine.map_or(&[][..], |machine| &machine.starts);
        Some(starts.iter().map(typed).collect())
    }

    fn instance(&mut self, service: &str) -> Option<&mut FakeInstance> {
        Some(&mut self.machine(service)?.instance)
    }
}

impl Acme {
    /// An engine whose machines run this command.
    #[allow(dead_code, reason = "the tests run nothing; the example does")]
    pub(crate) fn running(command: Vec<String>) -> Self {
        Self {
            command,
            ..Self::default()
        }
    }

    fn create(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        self.created += 1;
        let machine = Machine {
            id: format!("machine-{}", self.created),
            name: request.member("name")?,
            instance: FakeInstance {
                image: request.member("image")?,
                ..FakeInstance::default()
            },
            variables: Variables::new(),
            starts: Vec::new(),
            program: Program::new(&self.command),
        };
        let response = FakeResponse::json(201, &machine.json());
        self.machines.push(machine);
        Some(response)
    }

    fn machine(&mut self, id: &str) -> Option<&mut Machine> {
        let mut machines = self.machines.iter_mut();
        machines.find(|machine| machine.id == id)
    }

    fn with(&mut self, id: &str, change: impl FnOnce(&mut Machine)) -> Option<FakeResponse> {
        let Some(machine) = self.machine(id) else {
            return Some(FakeResponse::json(
                404,
                &json!({ "error": "no such machine" }),
            ));
        };
        change(machine);
        Some(FakeResponse::json(200, &machine.json()))
    }
}

impl Machine {
    fn run(&mut self) {
        if let Some(program) = &mut self.program {
            program.start(&self.variables);
        }
    }

    fn url(&self) -> String {
        let of_name = || format!("https://{}.acme.example", self.id);
        self.program.as_ref().map_or_else(of_name, Program::url)
    }

    fn json(&self) -> Value {
        let state = match self.starts[..] {
            [] => "created",
            _ if self.instance.has_ended => "stopped",
            _ => "running",
        };
        json!({
            "id": self.id, "name": self.name, "image": self.instance.image, "state": state,
            "url": self.url(),
            "created_at": "2026-01-01T00:00:00Z",
        })
    }
}

fn typed(variables: &Variables) -> EnvVars {
    let pairs = variables.iter();
    let typed = pairs.filter_map(|(name, value)| Some((name.parse().ok()?, Secret::new(value))));
    typed.collect()
}
