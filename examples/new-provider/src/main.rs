#![doc = include_str!("../README.md")]

mod cli;
mod files;
mod link;
mod manifest;
mod name;
mod report;
mod standalone;
mod template;
mod workspace;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::cli::{Cli, Kind, ToolArgs};
use crate::files::Files;
use crate::name::Name;
use crate::workspace::Workspace;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(report) => {
            report::print(&report);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("new-provider: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Makes what the command line asks for; answers what to say of it.
fn run(cli: Cli) -> anyhow::Result<String> {
    match cli.kind {
        Kind::Tool(args) => tool(&args),
        Kind::Infra { name } => anyhow::bail!(
            "there is no template for an infra provider, because no two of them are alike. Copy \
             examples/mock-provider/src/infra.rs, settings.rs and tests into providers/{name}, replace its vendor \
             by calls of yours as providers/railway does, submit an `InfraRegistration`, and name the crate in \
             services-svc/Cargo.toml and services-svc/src/main.rs"
        ),
    }
}

/// All or nothing: every text is put together before the first is written.
fn tool(args: &ToolArgs) -> anyhow::Result<String> {
    let name: Name = args.name.parse()?;
    let here = std::env::current_dir().context("the current folder cannot be read")?;
    let workspace = Workspace::around(&here)?;
    let files = match &args.standalone {
        Some(folder) => {
            let files = Files::into_empty(&here.join(folder))?;
            standalone::tool(&workspace, &name, args.git.as_deref(), files)?
        }
        None => {
            let folder = workspace.root().join("providers").join(name.id());
            let mut files = Files::into_new(&folder)?;
            files.extend(template::tool(&name));
            link::tool(&workspace, &name, &mut files)?;
            files
        }
    };
    files.write()?;
    let unformatted = report::format(&files);
    Ok(report::of(
        &name,
        &files,
        args.standalone.is_some(),
        unformatted,
    ))
}
