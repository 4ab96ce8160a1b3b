//! Finds PostgreSQL on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::EmbeddedError;

/// A folder with `initdb`, `pg_ctl` and `postgres`, all of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) bin: PathBuf,
    /// The major version, such as `15`.
    pub(super) major: String,
}

/// Where package managers install versions side by side: the path before and after the version's folder.
const VERSIONED: [(&str, &str); 6] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "bin"),
    ("/Library/PostgreSQL", "bin"),
];

/// The installed versions: the requested folder first, then the newest first.
pub(super) fn installed(asked: Option<&Path>) -> Vec<Binaries> {
    if let Some(asked) = asked {
        return at(asked).into_iter().collect();
    }
    let mut found: Vec<Binaries> = candidates().iter().filter_map(|bin| at(bin)).collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.major.parse::<u32>().unwrap_or_default()));
    found.dedup();
    found
}

/// The first installation that can read data of version `data`, or the newest for new data.
pub(super) fn choose(
    found: Vec<Binaries>,
    folder: &Path,
    data: Option<&str>,
) -> Result<Binaries, EmbeddedError> {
    let versions: Vec<_> = found.iter().map(|one| one.major.clone()).collect();
    let fitting = found
        .into_iter()
        .find(|one| data.is_none_or(|data| one.major == data));
    match (fitting, data) {
        (Some(fitting), _) => Ok(fitting),
        (None, Some(data)) if !versions.is_empty() => Err(EmbeddedError::OtherVersion {
            folder: folder.to_owned(),
            data: data.to_owned(),
            found: versions.join(", "),
        }),
        (None, _) => Err(EmbeddedError::NotInstalled),
    }
}

fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(asked_of_pg_config());
    folders.extend(["/usr/local/pgsql/bin".into(), "/usr/local/bin".into()]);
    for (above, below) in VERSIONED {
        let Ok(entries) = std::fs::read_dir(above) else {
            continue;
        };
        folders.extend(entries.flatten().map(|entry| entry.path().join(below)));
    }
    folders
}

fn asked_of_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| folder.trim().into())
}

/// The binaries of a folder that has all of them. Links are resolved, so that `initdb` finds the server in its folder
/// and no version is listed twice.
pub(super) fn at(bin: &Path) -> Option<Binaries> {
    let all_there = ["initdb", "pg_ctl", "postgres"]
        .iter()
        .all(|name| bin.join(name).is_file());
    if !all_there {
        return None;
    }
    let real = bin.join("postgres").canonicalize().ok()?;
    let bin = real.parent()?.to_owned();
    let output = Command::new(&real).arg("--version").output().ok()?;
    let major = major(&String::from_utf8(output.stdout).ok()?)?;
    Some(Binaries { bin, major })
}

/// The major version in `postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)`.
fn major(version: &str) -> Option<String> {
    let number = version
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: &str) -> Binaries {
        Binaries {
            bin: format!("/pg/{major}").into(),
            major: major.to_owned(),
        }
    }

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        for (printed, expected) in [
            ("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)", "15"),
            ("postgres (PostgreSQL) 17.2", "17"),
            ("postgres (PostgreSQL) 18beta1", "18"),
        ] {
            assert_eq!(major(printed).as_deref(), Some(expected));
        }
        assert_eq!(major("no number"), None);
    }

    #[test]
    fn data_is_opened_by_the_version_that_made_it() {
        let found = || vec![version("17"), version("15")];
        let folder = Path::new("/data");
        assert_eq!(choose(found(), folder, None).unwrap().major, "17");
        assert_eq!(choose(found(), folder, Some("15")).unwrap().major, "15");
        let error = choose(found(), folder, Some("12")).unwrap_err().to_string();
        assert!(error.contains("/data was made by PostgreSQL 12") && error.contains("17, 15"));
    }

    #[test]
    fn without_any_the_error_says_what_to_install() {
        let error = choose(Vec::new(), Path::new("/data"), None).unwrap_err();
        let error = error.to_string();
        for word in [
            "apt-get install postgresql",
            "dnf install",
            "brew install",
            "POSTGRES_BIN_DIR",
        ] {
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_folder_without_a_server_is_not_taken() {
        assert_eq!(installed(Some(Path::new("/usr/bin/nothing-here"))), []);
    }

    #[test]
    fn the_server_of_this_machine_is_found() {
        let found = installed(None);
        assert!(
            !found.is_empty(),
            "these tests need PostgreSQL on the machine"
        );
        assert!(found.iter().all(|one| one.bin.join("initdb").is_file()));
    }
}
