//! The baseline of claims: pgbench running the two statements of a claim, and nothing else.

use std::io::Write as _;

use anyhow::{Context as _, ensure};

use crate::database::Database;

/// Claims per second with `clients` connections, `each` claims on each.
///
/// The first statement's id is a parameter of the second, as in a claim.
pub(crate) async fn claims(database: &Database, clients: u32, each: u32) -> anyhow::Result<f64> {
    let [take, record] = pool_svc::claim_statements();
    let mut script = tempfile::NamedTempFile::new()?;
    write!(script, "{take} \\gset\n{record};\n")?;
    let mut command = database.command("pgbench")?;
    command
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={clients}"))
        .arg(format!("--transactions={each}"))
        .arg("--file")
        .arg(script.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pgbench failed: {errors}");
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = line.and_then(|line| line.split_whitespace().next());
    Ok(tps
        .with_context(|| format!("no tps in {text:?}"))?
        .parse()?)
}
