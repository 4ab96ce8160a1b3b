//! `poolctl explain`.

use agent_pool_core::wire::pool::Explanation;
use agent_pool_core::{InstanceId, PoolName};
use chrono::{DateTime, Utc};
use clap::Args;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, clock, during, plain, strong};

/// Explain in sentences what happened to an instance, or the state of a pool
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Instance id; destroyed instances are explained too
    #[arg(required_unless_present = "pool")]
    id: Option<InstanceId>,

    /// Explain this pool instead
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    pool: Option<PoolName>,
}

impl Explain {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let story = match (&self.id, &self.pool) {
            (Some(id), _) => during("asking Pool", target.pool.explain_instance(id)).await,
            (None, name) => {
                let name = name.as_ref().map_or(PoolName::DEFAULT, PoolName::as_str);
                during("asking Pool", target.pool.explain_pool(name)).await
            }
        };
        let story = story.map_err(|error| Failure::of_call("explain", &error))?;
        out.answer(&story, || text(&story, Utc::now()))?;
        Ok(Exit::Done)
    }
}

fn text(story: &Explanation, now: DateTime<Utc>) -> String {
    let mut text = strong(&plain(&story.subject));
    for step in &story.steps {
        let when = step
            .at
            .map_or_else(|| "now".to_owned(), |at| clock(at, now));
        text += &format!("\n{when:<10} {}", plain(&step.text));
    }
    text
}
