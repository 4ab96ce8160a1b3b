//! The address of the API server, the way to it, and the credentials.

use agent_pool_core::http::Proxies;
use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{ErrorKind, ProviderError, Secret};
use kube::Client;
use kube::config::{AuthInfo, Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use url::Url;

use crate::names::is_plain;
use crate::settings::{Settings, fault as setting_fault};

/// The source of the address and the credentials.
enum Source {
    File(Box<Kubeconfig>, KubeConfigOptions),
    Pod(Box<Config>),
}

impl Source {
    /// Whether the kubeconfig names the proxy in front of its API server.
    fn has_proxy(&self) -> bool {
        let Self::File(file, options) = self else {
            return false;
        };
        let context = options.context.as_ref().or(file.current_context.as_ref());
        let context = file.contexts.iter().find(|one| Some(&one.name) == context);
        let context = context.and_then(|one| one.context.as_ref());
        let is_its = |name: &String| context.is_some_and(|context| context.cluster == *name);
        let cluster = file.clusters.iter().find(|one| is_its(&one.name));
        let cluster = cluster.and_then(|one| one.cluster.as_ref());
        let proxy = cluster.and_then(|cluster| cluster.proxy_url.as_ref());
        proxy.is_some_and(|proxy| !proxy.is_empty())
    }
}

/// Everything that is needed to connect.
pub(crate) struct Access {
    source: Source,
    token: Option<Secret>,
    namespace: Option<String>,
    /// For an API server whose kubeconfig names no proxy.
    proxies: Proxies,
}

/// A client of one namespace of a cluster.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) server: http::Uri,
    pub(crate) namespace: String,
}

impl Access {
    /// Reads the kubeconfig or the pod's service account, without a call to the API server.
    pub(crate) fn read(
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let source = match &settings.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error))?;
                check_context(&file, settings.context.as_deref())?;
                let options = KubeConfigOptions {
                    context: settings.context.clone(),
                    ..KubeConfigOptions::default()
                };
                Source::File(Box::new(file), options)
            }
            None => Source::Pod(Box::new(Config::incluster().map_err(|error| {
                let problem = format!(
                    "is not set, and this process does not run in a pod with a service account ({error}): set the path of a kubeconfig"
                );
                setting_fault("KUBECONFIG", problem)
            })?)),
        };
        Ok(Self {
            source,
            token: settings.token.clone(),
            namespace: settings.namespace.clone(),
            proxies: Proxies::new(environment),
        })
    }

    /// Creates the client, without sending a request.
    pub(crate) async fn connect(&self) -> Result<Connection, ProviderError> {
        let mut config = match &self.source {
            Source::Pod(config) => (**config).clone(),
            Source::File(file, options) => {
                let config = Config::from_custom_kubeconfig((**file).clone(), options).await;
                config.map_err(|error| {
                    let invalid =
                        ErrorKind::Invalid.because("KUBERNETES_KUBECONFIG cannot be used");
                    invalid.with_source(error)
                })?
            }
        };
        if let Some(token) = &self.token {
            config.auth_info = AuthInfo {
                token: Some(token.expose().to_owned().into()),
                ..AuthInfo::default()
            };
        }
        // The library would send everything to `HTTPS_PROXY`, even what is for an API server on this machine.
        if !self.source.has_proxy() {
            config.proxy_url = self.proxy_for(&config.cluster_url);
        }
        // The layers around every provider repeat calls, and the context bounds their time.
        config.default_retry = false;
        let namespace = self.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
        if !is_plain(&namespace) {
            let message = format!(
                "{namespace:?} is not the name of a namespace: correct KUBERNETES_NAMESPACE"
            );
            return Err(ErrorKind::Invalid.because(message));
        }
        let server = config.cluster_url.clone();
        let client =
            Client::try_from(config).map_err(|error| crate::fault::unreachable(&server, error))?;
        Ok(Connection {
            client,
            server,
            namespace,
        })
    }

    fn proxy_for(&self, server: &http::Uri) -> Option<http::Uri> {
        let server: Url = server.to_string().parse().ok()?;
        self.proxies.proxy_for(&server)?.as_str().parse().ok()
    }
}

/// A parser's error quotes the file, which contains credentials.
fn unreadable(path: &str, error: &KubeconfigError) -> SettingsError {
    let why = if let KubeconfigError::ReadConfig(error, _) = error {
        error.to_string()
    } else {
        "it is not a kubeconfig (kubectl config view shows where it is wrong)".to_owned()
    };
    setting_fault("KUBECONFIG", format!("{path} cannot be read: {why}"))
}

fn check_context(file: &Kubeconfig, wanted: Option<&str>) -> Result<(), SettingsError> {
    let known: Vec<&str> = file.contexts.iter().map(|one| one.name.as_str()).collect();
    let known_list = known.join(", ");
    match wanted.or(file.current_context.as_deref()) {
        Some(name) if known.contains(&name) => Ok(()),
        Some(name) => {
            let problem = format!("the kubeconfig has no context {name:?}; it has: {known_list}");
            Err(setting_fault("CONTEXT", problem))
        }
        None => {
            let problem = format!(
                "is required, because the kubeconfig has no current context; it has: {known_list}"
            );
            Err(setting_fault("CONTEXT", problem))
        }
    }
}
