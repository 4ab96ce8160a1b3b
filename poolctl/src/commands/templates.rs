//! `poolctl templates`.

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, cell, during};

/// Prints the catalogue.
pub(crate) async fn run(out: Out, target: &Target) -> Result<Exit, Failure> {
    let templates = during("asking Pool", target.pool.templates()).await;
    let templates = templates.map_err(|error| Failure::of_call("list the templates", &error))?;
    out.answer(&templates, || {
        let mut table = Table::new(&["SLUG", "NAME", "CATEGORY", "DESCRIPTION"]).keep(&[0, 1]);
        for it in &templates {
            table.row([
                cell(&it.slug),
                cell(format!("{} {}", it.emoji, it.name)),
                cell(&it.category),
                cell(&it.description),
            ]);
        }
        table.to_string()
    })?;
    Ok(Exit::Done)
}
