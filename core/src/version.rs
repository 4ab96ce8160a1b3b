//! The version of this binary.

/// The commit that this binary was built from: `AGENT_POOL_COMMIT` during its build. The Containerfile and the release
/// workflow set it; other builds have none.
pub const COMMIT: Option<&str> = option_env!("AGENT_POOL_COMMIT");

/// A version with the commit, for `--version`.
///
/// ```
/// let version = agent_pool_core::version_with_commit("0.1.0");
/// assert!(version.starts_with("0.1.0"));
/// ```
#[must_use]
pub fn version_with_commit(version: &str) -> String {
    with(version, COMMIT)
}

fn with(version: &str, commit: Option<&str>) -> String {
    match commit.filter(|commit| !commit.is_empty()) {
        Some(commit) => format!("{version} (commit {commit})"),
        None => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_includes_the_commit_if_the_build_knew_it() {
        assert_eq!(with("0.1.0", Some("5f1c")), "0.1.0 (commit 5f1c)");
        assert_eq!(with("0.1.0", Some("")), "0.1.0");
        assert_eq!(with("0.1.0", None), "0.1.0");
    }
}
