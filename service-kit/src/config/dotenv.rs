//! The variables of the process and of a `.env` file.

use std::path::Path;

use agent_pool_core::settings::Environment;

use super::dialect::{self, Faults};

/// Why a `.env` file was refused. No value is shown, because it may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum DotenvError {
    /// The file exists but cannot be read.
    #[error(".env cannot be read: it must be a UTF-8 text file that this user may read")]
    Unreadable(#[source] std::io::Error),
    /// Lines cannot be parsed.
    #[error("{0}")]
    Malformed(Faults),
}

/// The environment, and what was ignored.
#[derive(Debug)]
pub struct LoadedEnvironment {
    /// The variables.
    pub environment: Environment,
    /// Warnings about ignored entries, to be logged once logging has started.
    pub warnings: Vec<String>,
}

/// The variables of this process, and those of the file `.env` in the working directory.
///
/// A variable of the process overrides the same one in the file. The environment of the process itself is not changed.
/// Only for `main`. The syntax of the file is described in the module `dialect`.
///
/// # Errors
/// The file exists but cannot be read or parsed.
pub fn load_environment() -> Result<LoadedEnvironment, DotenvError> {
    merge(Environment::of_process(), Path::new(".env"))
}

fn merge(process: Environment, file: &Path) -> Result<LoadedEnvironment, DotenvError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(LoadedEnvironment {
                environment: process,
                warnings: Vec::new(),
            });
        }
        // Python tools use this name for a folder.
        Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => {
            let warning = ".env is a folder and is ignored".to_owned();
            return Ok(LoadedEnvironment {
                environment: process,
                warnings: vec![warning],
            });
        }
        Err(error) => return Err(DotenvError::Unreadable(error)),
    };
    merge_text(process, &text)
}

/// Like [`load_environment`], for the text of a file.
///
/// # Errors
/// A line cannot be parsed.
pub fn merge_text(mut process: Environment, text: &str) -> Result<LoadedEnvironment, DotenvError> {
    let parsed = dialect::parse(text, &process).map_err(DotenvError::Malformed)?;
    for (name, value) in parsed.variables {
        if process.get(&name).is_none() {
            process.set(name, value);
        }
    }
    Ok(LoadedEnvironment {
        environment: process,
        warnings: parsed.warnings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<LoadedEnvironment, DotenvError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        merge(Environment::from_iter([("BOTH", "process")]), file.path())
    }

    #[test]
    fn the_process_wins_over_the_file() {
        let loaded = read(b"# a comment\nBOTH=file\nONLY=\"two words\"\n").unwrap();
        assert_eq!(loaded.environment.get("BOTH"), Some("process"));
        assert_eq!(loaded.environment.get("ONLY"), Some("two words"));
    }

    #[test]
    fn no_file_is_no_error() {
        let loaded = merge(Environment::default(), Path::new("/nowhere/.env")).unwrap();
        assert_eq!(loaded.environment.get("BOTH"), None);
    }

    #[test]
    fn a_folder_of_that_name_is_ignored_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let loaded = merge(Environment::default(), folder.path()).unwrap();
        assert_eq!(loaded.warnings.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_utf8_is_refused_with_the_reason() {
        let error = read(b"KEY=\xff\xfe\n").unwrap_err();
        assert!(error.to_string().contains("UTF-8"), "{error}");
    }
}
