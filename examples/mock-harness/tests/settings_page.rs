//! `docs/settings.md` lists the variables that the services, the providers and the runtime read.

#![cfg(test)]

use std::fmt::Write as _;
use std::path::Path;

use agent_pool_core::registry::Registry;
use agent_pool_core::settings::{Environment, SettingSpec};
// Links the providers.
use agent_pool_stack as _;

const AGAIN: &str = "UPDATE=1 cargo test -p mock-harness --test settings_page";

fn table(settings: &[SettingSpec]) -> String {
    let row = |setting: &SettingSpec| {
        let mark = |is: bool| if is { "yes" } else { "" };
        let default = setting.default.as_ref().filter(|text| !text.is_empty());
        let default = default.map(|text| format!("`{text}`")).unwrap_or_default();
        format!(
            "| `{}` | {default} | {} | {} | {} |\n",
            setting.variable,
            mark(setting.required),
            mark(setting.secret),
            setting.description.replace('|', "\\|")
        )
    };
    let rows: String = settings.iter().map(row).collect();
    format!(
        "| variable | default | required | secret | description |\n|---|---|---|---|---|\n{rows}"
    )
}

/// Every service, then every provider in order of id, then what an instance runs.
fn sections() -> Vec<(String, Vec<SettingSpec>)> {
    let nothing = Environment::default();
    let no_providers = Registry::from_registrations([], [], &nothing).unwrap();
    let registry = Registry::collect(&nothing).unwrap();
    let infra = registry.infras().map(|(id, infra)| {
        let title = format!("{id}: {} (infra)", infra.registration.name);
        (title, infra.registration.reference())
    });
    let tools = registry.tools().map(|(id, tool)| {
        let title = format!("{id}: {} (tool)", tool.registration.name);
        (title, tool.registration.reference())
    });
    let services = [
        ("pool-svc".to_owned(), pool_svc::Config::reference()),
        (
            "services-svc".to_owned(),
            services_svc::Config::reference(&no_providers),
        ),
    ];
    let runtime = (
        "agent-runtime, in an instance".to_owned(),
        agent_runtime::Settings::describe(),
    );
    services
        .into_iter()
        .chain(infra)
        .chain(tools)
        .chain([runtime])
        .collect()
}

fn page() -> String {
    let mut page = format!(
        "# Settings\n\n\
         Environment variables, read once at start; a `.env` file is honoured. A missing or invalid variable \
         stops a service with one\nmessage that names every fault; a provider with such a fault is listed as \
         unconfigured and stops nothing.\n\n\
         <!-- Generated from the settings structs; update it with: {AGAIN} -->\n"
    );
    for (title, settings) in sections() {
        let _ = write!(page, "\n## {title}\n\n{}", table(&settings));
    }
    page
}

#[test]
fn the_page_of_settings_is_what_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let page = page();
    if Environment::of_process().get("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let stale = page
        .lines()
        .find(|line| !written.lines().any(|one| one == *line));
    assert!(
        written == page,
        "docs/settings.md is out of date{}; update it with: {AGAIN}",
        stale
            .map(|line| format!(", it lacks\n{line}\n"))
            .unwrap_or_default()
    );
}
