#![doc = include_str!("../README.md")]

mod cli;
mod files;
mod link;
mod manifest;
mod name;
mod report;
mod standalone;
mod template;
mod texts;
mod workspace;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::cli::{Cli, Kind, ToolArgs};
use crate::files::Files;
use crate::name::Name;
use crate::report::Next;
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

/// Generates the crate and returns the report.
fn run(cli: Cli) -> anyhow::Result<String> {
    match cli.kind {
        Kind::Tool(args) => tool(&args),
        Kind::Infra { name } => infra(&name),
    }
}

fn infra(name: &str) -> anyhow::Result<String> {
    let name: Name = name.parse()?;
    let workspace = workspace()?;
    let files = member(&workspace, &name, template::infra(&name))?;
    write(&name, &files, Next::Infra)
}

fn workspace() -> anyhow::Result<Workspace> {
    let here = std::env::current_dir().context("the current folder cannot be read")?;
    Workspace::around(&here)
}

/// A crate in the workspace, with the lines that link it.
fn member(
    workspace: &Workspace,
    name: &Name,
    texts: impl IntoIterator<Item = (&'static str, String)>,
) -> anyhow::Result<Files> {
    let folder = workspace.root().join("providers").join(name.id());
    let mut files = Files::into_new(&folder)?;
    files.extend(texts);
    link::provider(workspace, name, &mut files)?;
    Ok(files)
}

/// All or nothing: every text is complete before the first is written.
fn write(name: &Name, files: &Files, next: Next) -> anyhow::Result<String> {
    files.write()?;
    let unformatted = report::format(files);
    Ok(report::render(name, files, next, unformatted))
}

fn tool(args: &ToolArgs) -> anyhow::Result<String> {
    let name: Name = args.name.parse()?;
    let workspace = workspace()?;
    match &args.standalone {
        Some(folder) => {
            let files = Files::into_empty(&std::path::absolute(folder)?)?;
            let files = standalone::tool(&workspace, &name, args.git.as_deref(), files)?;
            write(&name, &files, Next::Standalone)
        }
        None => {
            let files = member(&workspace, &name, template::tool(&name))?;
            write(&name, &files, Next::Tool)
        }
    }
}
