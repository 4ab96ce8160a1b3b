//! The README's tables of settings are those that the services read.

use agent_pool_core::registry::Registry;
use agent_pool_core::settings::{Environment, SettingSpec};

const README: &str = include_str!("../../../README.md");

fn table(settings: Vec<SettingSpec>) -> String {
    let row = |setting: SettingSpec| {
        let default = match (setting.default, setting.required) {
            (Some(default), _) => format!("`{default}`"),
            (None, true) => "required".to_owned(),
            (None, false) => String::new(),
        };
        format!(
            "| `{}` | {default} | {} |\n",
            setting.variable, setting.description
        )
    };
    let rows: String = settings.into_iter().map(row).collect();
    format!("| variable | default | what it is |\n|---|---|---|\n{rows}")
}

#[test]
fn the_settings_of_pool_svc_are_those_that_it_reads() {
    let table = table(pool_svc::Config::reference());
    assert!(README.contains(&table), "the README lacks:\n{table}");
}

#[test]
fn the_settings_of_services_svc_are_those_that_it_reads() {
    let no_providers = Registry::of([], [], &Environment::default()).unwrap();
    let table = table(services_svc::Config::reference(&no_providers));
    assert!(README.contains(&table), "the README lacks:\n{table}");
}
