//! The settings.

use std::env::temp_dir;
use std::path::{Path, PathBuf, absolute};

use agent_pool_core::settings::{self, Environment, Millis, SettingSpec, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

const PREFIX: &str = "LOCAL_";

/// The variables that shape an instance, see `InfraProvider::recipe_settings`.
pub(crate) const RECIPE_SETTINGS: [&str; 1] = ["LOCAL_RUNTIME_COMMAND"];

/// Variables of our own process that an instance inherits: those that a program needs to find its files, use its
/// user's language and trust the machine's certificates. None of them is a secret.
const INHERITED: [&str; 9] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "USER",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

#[derive(Debug, Deserialize, JsonSchema)]
struct Variables {
    /// The program that every instance runs, with its arguments, in words as a shell splits them; no
    /// shell runs it.
    runtime_command: String,
    /// The folder for the instances' state, data and output; `agent-pool/local` in
    /// `$XDG_STATE_HOME`, else in `~/.local/state`, else in the folder for temporary files.
    data_dir: Option<PathBuf>,
    /// The first port that an instance may get.
    #[serde(default = "Variables::default_port_first")]
    port_first: u16,
    /// The last port that an instance may get. The default range is below the ports that Linux and
    /// macOS give to outgoing connections.
    #[serde(default = "Variables::default_port_last")]
    port_last: u16,
    /// Time between the stop signal and the kill of an instance, in milliseconds.
    #[serde(default = "Variables::default_stop_grace")]
    stop_grace_ms: Millis,
}

impl Variables {
    const fn default_port_first() -> u16 {
        20_000
    }

    const fn default_port_last() -> u16 {
        29_999
    }

    const fn default_stop_grace() -> Millis {
        Millis::from_millis(5_000)
    }
}

/// The validated settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) data_dir: PathBuf,
    pub(crate) ports: (u16, u16),
    pub(crate) stop_grace: std::time::Duration,
    pub(crate) inherited: Vec<(&'static str, String)>,
}

impl Settings {
    pub(crate) fn describe() -> Vec<SettingSpec> {
        settings::describe::<Variables>(PREFIX)
    }

    pub(crate) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let variables: Variables = settings::read(PREFIX, environment)?;
        let fault =
            |name: &str, problem: String| SettingsError::fault(format!("{PREFIX}{name}"), problem);
        let words = shell_words::split(&variables.runtime_command);
        let words = words.map_err(|error| fault("RUNTIME_COMMAND", format!("has a {error}")))?;
        let mut words = words.into_iter();
        let Some(program) = words.next() else {
            return Err(fault("RUNTIME_COMMAND", "names no program".to_owned()));
        };
        let ports = (variables.port_first, variables.port_last);
        if ports.0 == 0 || ports.0 > ports.1 {
            let problem = format!("is {}: the first port is {}", ports.1, ports.0);
            return Err(fault("PORT_LAST", problem));
        }
        let data_dir = variables.data_dir.unwrap_or_else(|| state_dir(environment));
        let data_dir = absolute(data_dir).map_err(|error| fault("DATA_DIR", error.to_string()))?;
        let inherit = |name| Some((name, environment.get(name)?.to_owned()));
        Ok(Self {
            program,
            arguments: words.collect(),
            data_dir,
            ports,
            stop_grace: variables.stop_grace_ms.duration(),
            inherited: INHERITED.into_iter().filter_map(inherit).collect(),
        })
    }
}

fn state_dir(environment: &Environment) -> PathBuf {
    let state = environment.get("XDG_STATE_HOME").map(PathBuf::from);
    let home = || Some(Path::new(environment.get("HOME")?).join(".local/state"));
    let state = state.or_else(home).unwrap_or_else(temp_dir);
    state.join("agent-pool/local")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const N: usize>(pairs: [(&str, &str); N]) -> Result<Settings, SettingsError> {
        Settings::read(&Environment::from_iter(pairs))
    }

    #[test]
    fn a_command_is_split_as_a_shell_splits_it() {
        let command = "'/opt/my agent/run' --greeting \"good morning\" $HOME";
        let settings = read([("LOCAL_RUNTIME_COMMAND", command)]).unwrap();
        assert_eq!(settings.program, "/opt/my agent/run");
        let arguments = ["--greeting", "good morning", "$HOME"];
        assert_eq!(settings.arguments, arguments);
    }

    #[test]
    fn what_cannot_be_run_is_refused_by_the_name_of_its_variable() {
        for (variable, value) in [
            ("LOCAL_RUNTIME_COMMAND", ""),
            ("LOCAL_RUNTIME_COMMAND", "  "),
            ("LOCAL_RUNTIME_COMMAND", "run 'it"),
            ("LOCAL_PORT_LAST", "19999"),
        ] {
            let mut environment = Environment::from_iter([("LOCAL_RUNTIME_COMMAND", "run")]);
            environment.set(variable, value);
            let error = Settings::read(&environment).unwrap_err().to_string();
            assert!(error.starts_with(variable), "{error}");
        }
    }

    #[test]
    fn the_folder_is_the_one_set_then_the_users_state() {
        let run = ("LOCAL_RUNTIME_COMMAND", "run");
        let home = ("HOME", "/home/ann");
        let state = ("XDG_STATE_HOME", "/state");
        let folder = |settings: Result<Settings, _>| settings.unwrap().data_dir;
        let set = folder(read([run, home, state, ("LOCAL_DATA_DIR", "/srv/pool")]));
        assert_eq!(set, Path::new("/srv/pool"));
        assert_eq!(
            folder(read([run, home, state])),
            Path::new("/state/agent-pool/local")
        );
        let home = folder(read([run, home]));
        assert_eq!(home, Path::new("/home/ann/.local/state/agent-pool/local"));
    }

    #[test]
    fn only_harmless_variables_are_inherited() {
        let run = ("LOCAL_RUNTIME_COMMAND", "run");
        let settings = read([run, ("PATH", "/bin"), ("POOL_API_KEY", "k")]).unwrap();
        assert_eq!(settings.inherited, [("PATH", "/bin".to_owned())]);
    }

    #[test]
    fn the_readme_names_every_setting() {
        let row = |spec: SettingSpec| {
            let default = match (spec.default, spec.required) {
                (Some(default), _) => format!("`{default}`"),
                (None, true) => "required".to_owned(),
                (None, false) => "see right".to_owned(),
            };
            format!("| `{}` | {default} | {} |", spec.variable, spec.description)
        };
        let table: Vec<_> = Settings::describe().into_iter().map(row).collect();
        let table = table.join("\n");
        let readme = include_str!("../README.md");
        assert!(readme.contains(&table), "README.md lacks:\n{table}");
    }

    #[test]
    fn the_settings_of_a_recipe_are_settings_and_no_secrets() {
        let all = Settings::describe();
        for name in RECIPE_SETTINGS {
            let spec = all.iter().find(|spec| spec.variable == name).unwrap();
            assert!(!spec.secret, "{name}");
        }
    }
}
