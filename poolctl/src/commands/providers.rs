//! `poolctl providers`.

use agent_pool_core::settings::SettingSpec;
use agent_pool_core::wire::services::{ProviderHealth, ProviderStats, RegistryReply};
use chrono::{DateTime, Utc};
use clap::Args;
use comfy_table::Color;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, ago, cell, dim, during, plain, strong, warning};

/// List providers and their health
#[derive(Debug, Args)]
pub(crate) struct Providers {
    /// Also list each provider's settings, without values
    #[arg(long)]
    settings: bool,
}

/// A tool or an infra.
struct Provider<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'static str,
    configured: bool,
    faults: &'a [String],
    settings: &'a [SettingSpec],
    stats: &'a ProviderStats,
}

impl Providers {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let registry = during("asking Services", target.need_services()?.registry()).await;
        let registry = registry.map_err(|error| Failure::of_call("list the providers", &error))?;
        out.answer(&registry, || self.shown(&all(&registry), Utc::now()))?;
        Ok(Exit::Done)
    }

    fn shown(&self, all: &[Provider<'_>], now: DateTime<Utc>) -> String {
        let head = [
            "PROVIDER", "KIND", "STATE", "CALLS", "FAILED", "MEDIAN", "P95", "NAME",
        ];
        let mut table = Table::new(&head).keep(&[0, 1, 2]);
        for it in all {
            let failed: u64 = it.stats.failures.values().sum();
            let (state, colour) = it.state(now);
            let millis =
                |time: Option<u64>| time.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
            table.row([
                cell(it.id),
                cell(it.kind),
                cell(state).fg(colour),
                cell(it.stats.calls),
                cell(failed),
                cell(millis(it.stats.median_ms)),
                cell(millis(it.stats.p95_ms)),
                cell(it.name),
            ]);
        }
        let notes: String = all.iter().map(|it| it.notes(now)).collect();
        let settings = if self.settings {
            all.iter().map(Provider::reference).collect()
        } else {
            String::new()
        };
        format!("{table}\n{notes}{settings}")
    }
}

fn all(registry: &RegistryReply) -> Vec<Provider<'_>> {
    let infra = registry.infra.iter().map(|it| Provider {
        id: it.id.as_str(),
        name: &it.name,
        kind: if it.selected {
            "infra, selected"
        } else {
            "infra"
        },
        configured: it.configured,
        faults: &it.faults,
        settings: &it.settings,
        stats: &it.stats,
    });
    let tools = registry.tools.iter().map(|it| Provider {
        id: it.id.as_str(),
        name: &it.name,
        kind: "tool",
        configured: it.configured,
        faults: &it.faults,
        settings: &it.settings,
        stats: &it.stats,
    });
    infra.chain(tools).collect()
}

impl Provider<'_> {
    fn state(&self, now: DateTime<Utc>) -> (&'static str, Color) {
        if !self.configured {
            return ("not configured", Color::DarkGrey);
        }
        match self.stats.health(now) {
            ProviderHealth::Failing => ("failing", Color::DarkRed),
            ProviderHealth::Slow => ("slow", Color::DarkYellow),
            ProviderHealth::Well => ("configured", Color::DarkGreen),
        }
    }

    /// What prevents it from working, one line each.
    fn notes(&self, now: DateTime<Utc>) -> String {
        let faults = self.faults.iter();
        let faults =
            faults.map(|fault| format!("\n{} {}", dim(&format!("{}:", self.id)), plain(fault)));
        let failed = self.stats.last_error.iter().map(|error| {
            let when = ago(error.at, now);
            let output = format!(
                "{}: failed {when}, {}: {}",
                self.id, error.kind, error.message
            );
            format!("\n{}", warning(&plain(output)))
        });
        faults.chain(failed).collect()
    }

    /// Its settings, by name.
    fn reference(&self) -> String {
        let mut text = format!("\n\n{}", strong(self.id));
        for it in self.settings {
            let presence = match &it.default {
                _ if it.required => "required".to_owned(),
                Some(default) if !default.is_empty() => format!("default {default}"),
                Some(_) | None => "optional".to_owned(),
            };
            text += &format!(
                "\n  {} {}\n      {}",
                it.variable,
                dim(&plain(presence)),
                plain(&it.description)
            );
        }
        text
    }
}
