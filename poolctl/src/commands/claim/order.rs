//! The agent of a claim.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use agent_pool_core::wire::pool::{ClaimRequest, Ttl};
use agent_pool_core::wire::{AgentName, Instructions, JoinUrl};
use clap::Args;

use crate::connect::Target;
use crate::failure::Failure;
use crate::out::{choose, during, is_interactive, plain};

/// A template, or an agent described on the command line.
#[derive(Debug, Args)]
pub(super) struct Agent {
    /// Template to use; `poolctl templates` lists them
    template: Option<String>,

    /// Name of the agent; a template has a default
    #[arg(long, value_name = "NAME", value_parser = agent_name)]
    name: Option<AgentName>,

    /// Instructions for the agent
    #[arg(long, value_name = "TEXT", value_parser = instructions, conflicts_with = "template")]
    instructions: Option<Instructions>,

    /// File with instructions for the agent; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["template", "instructions"])]
    instructions_file: Option<PathBuf>,
}

impl Agent {
    /// The claim request. Asks on a terminal if the command line names no agent.
    pub(super) async fn request(self, target: &Target) -> Result<ClaimRequest, Failure> {
        let from_file = self.instructions_file.map(read).transpose()?;
        let mut request = ClaimRequest {
            agent_name: self.name,
            instructions: self.instructions.or(from_file),
            ..ClaimRequest::default()
        };
        let nothing = request.agent_name.is_none() && request.instructions.is_none();
        let slug = match self.template {
            Some(slug) => slug,
            None if nothing && is_interactive() => chosen(target).await?,
            None => return Ok(request),
        };
        let template = during("asking Pool", target.pool.template(&slug)).await;
        let template = template.map_err(|error| Failure::of_call("claim an agent", &error))?;
        let own = || AgentName::try_from(template.name.clone()).ok();
        request.agent_name = request.agent_name.or_else(own);
        request.instructions = Some(template.instructions);
        request.pool = template.pool;
        Ok(request)
    }
}

async fn chosen(target: &Target) -> Result<String, Failure> {
    let templates = during("asking Pool", target.pool.templates()).await;
    let templates = templates.map_err(|error| Failure::of_call("list the templates", &error))?;
    if templates.is_empty() {
        return Err(
            Failure::usage("no agent is given, and the pool has no templates")
                .hint("use --name and --instructions"),
        );
    }
    let lines: Vec<String> = templates
        .iter()
        .map(|it| plain(format!("{} {}: {}", it.emoji, it.name, it.description)))
        .collect();
    let index = choose("Which agent?", &lines)?;
    Ok(templates[index].slug.clone())
}

fn read(path: PathBuf) -> Result<Instructions, Failure> {
    let mut text = String::new();
    let outcome = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(&path)
    };
    let refused =
        |why: String| Failure::usage(format!("the instructions in {}: {why}", path.display()));
    let text = outcome.map_err(|error| refused(error.to_string()))?;
    Instructions::try_from(text).map_err(refused)
}

fn agent_name(text: &str) -> Result<AgentName, String> {
    AgentName::try_from(text.to_owned())
}

fn instructions(text: &str) -> Result<Instructions, String> {
    Instructions::try_from(text.to_owned())
}

pub(super) fn join_url(text: &str) -> Result<JoinUrl, String> {
    JoinUrl::try_from(text.to_owned())
}

pub(super) fn ttl(text: &str) -> Result<Ttl, String> {
    let seconds: u32 = text.parse().map_err(|error| format!("{error}"))?;
    Ttl::try_from(seconds)
}

/// A key as Pool accepts it: 1 to 255 visible ASCII characters.
pub(super) fn key(text: &str) -> Result<String, &'static str> {
    if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err("expected 1 to 255 visible ASCII characters")
}
