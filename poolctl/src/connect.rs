//! Addresses and key of the services.

use std::convert::Infallible;
use std::path::PathBuf;

use agent_pool_client::{Http, Pool, Services};
use agent_pool_core::settings::Environment;
use agent_pool_core::{Secret, chain};
use agent_pool_stack::Running;
use clap::Args;
use url::Url;

use crate::exit::Exit;
use crate::failure::Failure;

/// Where pool-svc listens by default.
const LOCAL_POOL: &str = "http://127.0.0.1:3001";

/// Connection options of every command. `Debug` shows no key.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// URL of Pool.
    #[arg(help = "URL of the Pool API [env: POOL_URL] [default: http://127.0.0.1:3001]")]
    #[arg(long, global = true, value_name = "URL", value_parser = web_url)]
    pub(crate) url: Option<Url>,

    /// The key of both services.
    #[arg(
        help = "API key; other users of this machine can see it on the command line, so prefer the variable [env: POOL_API_KEY]"
    )]
    #[arg(long, global = true, value_name = "KEY", value_parser = any_text)]
    pub(crate) key: Option<Secret>,

    /// URL of Services.
    #[arg(help = "URL of the Services API, for commands that need it [env: SERVICES_URL]")]
    #[arg(long, global = true, value_name = "URL", value_parser = web_url)]
    pub(crate) services_url: Option<Url>,

    /// Data folder of `poolctl up`; its stack is used if no URL and no key are given [default: a folder of this
    /// user]
    #[arg(long, global = true, value_name = "DIR", conflicts_with_all = ["url", "key", "services_url"])]
    pub(crate) data_dir: Option<PathBuf>,
}

impl Connection {
    /// Whether the command line gives the address of the services.
    pub(crate) const fn is_given(&self) -> bool {
        self.url.is_some() || self.services_url.is_some() || self.data_dir.is_some()
    }
}

/// Accepts everything: clap would quote a refused key.
fn any_text(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// A key that can be sent in a header. A refused key is not quoted.
fn checked(key: Secret, from: &str) -> Result<Secret, Failure> {
    let text = key.expose();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(format!(
            "{from}: a key consists of visible ASCII characters"
        )));
    }
    Ok(key)
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    Err("expected a URL that begins with http:// or https://".to_owned())
}

/// The services to call.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) pool: Pool,
    services: Option<Services>,
}

impl Target {
    /// From the command line, or the environment, or a stack that `poolctl up` runs here.
    ///
    /// # Errors
    /// The address of Pool or the key is unknown.
    pub(crate) fn find(given: &Connection, environment: &Environment) -> Result<Self, Failure> {
        let Addresses {
            pool,
            services,
            key,
        } = Addresses::find(given, environment, Running::find)?;
        let http = Http::new(concat!("poolctl/", env!("CARGO_PKG_VERSION")));
        let http = http.map_err(|error| {
            let text = format!("cannot build an HTTP client: {}", chain(&error));
            Failure::new(Exit::Failed, "no_client", text)
        })?;
        Ok(Self {
            services: services.map(|url| Services::new(&http, url, key.clone())),
            pool: Pool::new(&http, pool, key),
        })
    }

    /// Services, if its address is known.
    pub(crate) const fn services(&self) -> Option<&Services> {
        self.services.as_ref()
    }

    /// Services, for a command that needs it.
    pub(crate) fn need_services(&self) -> Result<&Services, Failure> {
        self.services.as_ref().ok_or_else(no_services)
    }
}

/// The error of a command that needs Services and does not know its address.
pub(crate) fn no_services() -> Failure {
    Failure::usage("this command needs the Services API")
        .hint("set SERVICES_URL, or use --services-url")
}

#[derive(Debug)]
struct Addresses {
    pool: Url,
    services: Option<Url>,
    key: Secret,
}

impl Addresses {
    fn find(
        given: &Connection,
        environment: &Environment,
        running: impl Fn(Option<PathBuf>) -> Option<Running>,
    ) -> Result<Self, Failure> {
        let url_of = |variable: &str| {
            let text = environment.get(variable);
            let url = text.map(web_url).transpose();
            url.map_err(|problem| Failure::usage(format!("{variable}: {problem}")))
        };
        let here = |running: Running| Self {
            pool: running.pool,
            services: Some(running.services),
            key: running.key,
        };
        if let Some(folder) = &given.data_dir {
            let found = running(Some(folder.clone())).map(here);
            return found.ok_or_else(|| {
                let hint = format!("start one: poolctl up --data-dir {}", folder.display());
                Failure::usage(format!("no stack runs in {}", folder.display())).hint(hint)
            });
        }
        let pool = given
            .url
            .clone()
            .map_or_else(|| url_of("POOL_URL"), |url| Ok(Some(url)))?;
        let key = given
            .key
            .clone()
            .map(|key| checked(key, "--key"))
            .transpose()?;
        let key = key.map_or_else(|| key_of(environment), |key| Ok(Some(key)))?;
        let services = given.services_url.clone();
        let services = services.map_or_else(|| url_of("SERVICES_URL"), |url| Ok(Some(url)))?;
        match (pool, key) {
            (None, None) => {
                let mut found = running(None).map(here).ok_or_else(unknown)?;
                found.services = services.or(found.services);
                Ok(found)
            }
            (pool, Some(key)) => Ok(Self {
                pool: pool.map_or_else(|| web_url(LOCAL_POOL).map_err(Failure::usage), Ok)?,
                services,
                key,
            }),
            (Some(url), None) => {
                Err(Failure::usage(format!("no key for {url}"))
                    .hint("set POOL_API_KEY, or use --key"))
            }
        }
    }
}

/// The first of `POOL_API_KEY`, as the services themselves use it for their calls.
fn key_of(environment: &Environment) -> Result<Option<Secret>, Failure> {
    let keys = environment.get("POOL_API_KEY");
    let first = keys.and_then(|keys| keys.split(',').map(str::trim).find(|key| !key.is_empty()));
    first
        .map(|key| checked(Secret::new(key), "POOL_API_KEY"))
        .transpose()
}

fn unknown() -> Failure {
    Failure::usage("no pool to connect to")
        .hint("set POOL_URL and POOL_API_KEY, or start one on this machine: poolctl up")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(folder: Option<PathBuf>) -> Option<Running> {
        Some(Running {
            pool: "http://127.0.0.1:1".parse().unwrap(),
            services: "http://127.0.0.1:2".parse().unwrap(),
            key: Secret::new("local"),
            folder: folder.unwrap_or_default(),
        })
    }

    fn found(given: &Connection, variables: &[(&str, &str)]) -> Result<(String, String), Failure> {
        let environment = variables.iter().copied().collect();
        let Addresses { pool, key, .. } = Addresses::find(given, &environment, local)?;
        Ok((pool.to_string(), key.expose().to_owned()))
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_a_stack_here() {
        let given = Connection {
            url: Some("http://given".parse().unwrap()),
            key: Some(Secret::new("k")),
            ..Connection::default()
        };
        let variables = [
            ("POOL_URL", "http://variable"),
            ("POOL_API_KEY", "new, old"),
        ];
        let is = |url: &str, key: &str| Ok((url.to_owned(), key.to_owned()));
        assert_eq!(found(&given, &variables), is("http://given/", "k"));
        let nothing = Connection::default();
        assert_eq!(found(&nothing, &variables), is("http://variable/", "new"));
        assert_eq!(
            found(&nothing, &variables[1..]),
            is("http://127.0.0.1:3001/", "new")
        );
        assert_eq!(found(&nothing, &[]), is("http://127.0.0.1:1/", "local"));
    }

    #[test]
    fn the_key_of_a_stack_here_goes_nowhere_else() {
        let error = found(&Connection::default(), &[("POOL_URL", "http://other")]).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("no key for http://other/"));
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_not_shown() {
        let error = found(&Connection::default(), &[("POOL_API_KEY", "hunter2\n")]);
        assert!(error.is_ok(), "white space around it is cut off");
        let error = found(&Connection::default(), &[("POOL_API_KEY", "hun ter2")]).unwrap_err();
        assert!(error.to_string().starts_with("POOL_API_KEY: "), "{error}");
        assert!(!format!("{error:?}").contains("ter2"));
        let given = Connection {
            key: Some(Secret::new("hunter2")),
            ..Connection::default()
        };
        assert!(!format!("{given:?}").contains("hunter2"));
    }
}
