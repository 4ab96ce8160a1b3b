//! The variables of the process, and those of a `.env` file beside it.

use std::path::Path;

use agent_pool_core::settings::Environment;

/// Why a `.env` file was refused. The text of a line is not shown: it may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum DotenvError {
    /// The file is there and cannot be read.
    #[error(".env cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// A line is no `NAME=value`.
    #[error(".env has a line that is no NAME=value, after {after}")]
    Malformed {
        /// The last variable that was read, or `its beginning`.
        after: String,
    },
}

/// The variables of this process, and besides them those of the file `.env` in the working folder.
///
/// The process wins where both have a name. Its own environment is not changed. For `main` alone.
///
/// # Errors
/// The file is there, but cannot be read or understood.
pub fn load_environment() -> Result<Environment, DotenvError> {
    beside(Environment::of_process(), Path::new(".env"))
}

fn beside(mut process: Environment, file: &Path) -> Result<Environment, DotenvError> {
    let lines = match dotenvy::from_path_iter(file) {
        Ok(lines) => lines,
        Err(error) if error.not_found() => return Ok(process),
        Err(dotenvy::Error::Io(error)) => return Err(DotenvError::Unreadable(error)),
        Err(_) => return Err(malformed("its beginning")),
    };
    let mut last = "its beginning".to_owned();
    for line in lines {
        let (name, value) = line.map_err(|_| malformed(&last))?;
        if process.get(&name).is_none() {
            process.set(&name, value);
        }
        last = name;
    }
    Ok(process)
}

fn malformed(after: &str) -> DotenvError {
    DotenvError::Malformed {
        after: after.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Environment, DotenvError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        beside(Environment::from_iter([("BOTH", "process")]), file.path())
    }

    #[test]
    fn the_process_wins_over_the_file() {
        let environment = read("# a comment\nBOTH=file\nONLY=\"two words\"\n").unwrap();
        assert_eq!(environment.get("BOTH"), Some("process"));
        assert_eq!(environment.get("ONLY"), Some("two words"));
    }

    #[test]
    fn no_file_is_no_error() {
        let absent = beside(Environment::default(), Path::new("/nowhere/.env"));
        assert_eq!(absent.unwrap().get("BOTH"), None);
    }

    #[test]
    fn a_broken_line_is_placed_but_not_shown() {
        let error = read("GOOD=1\nPOOL_API_KEY hunter2\n").unwrap_err();
        assert!(error.to_string().ends_with("after GOOD"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
