//! The variables that the settings are read from.

use agent_pool_core::Secret;
use agent_pool_core::settings::Millis;
use schemars::JsonSchema;
use serde::Deserialize;

/// How requests from outside the cluster are routed to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Route {
    /// Not at all: its Service is reached from inside the cluster, or something else routes to it.
    None,
    /// An Ingress.
    Ingress,
    /// An `HTTPRoute` of the Gateway API.
    #[serde(rename = "httproute")]
    Gateway,
}

/// The variables, each a field with the prefix `KUBERNETES_`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct Variables {
    /// Path of a kubeconfig file. Default: the service account of the pod that this process runs in.
    pub(crate) kubeconfig: Option<String>,
    /// Context of the kubeconfig. Default: its current context.
    pub(crate) context: Option<String>,
    /// Bearer token to use in place of the credentials in the kubeconfig.
    pub(crate) token: Option<Secret>,
    /// Namespace of the instances, which must exist. Default: that of the context, or of the pod.
    pub(crate) namespace: Option<String>,
    /// The image that instances run.
    pub(crate) image: String,
    /// Names of Secrets with credentials for the image's registry, separated by commas.
    #[serde(default)]
    pub(crate) image_pull_secrets: String,
    /// URL of an instance, with `{id}` or `{name}`, such as `https://{id}.agents.example.com`. Default: its Service,
    /// which is reached from inside the cluster only.
    pub(crate) url_template: Option<String>,
    /// What to create for the host name of `KUBERNETES_URL_TEMPLATE`: `none`, `ingress` or `httproute`.
    #[serde(default = "Variables::default_route")]
    pub(crate) route: Route,
    /// Class of the Ingress. Default: the cluster's.
    pub(crate) ingress_class: Option<String>,
    /// Secret with the certificate for the host names of Ingresses. Default: the controller's.
    pub(crate) ingress_tls_secret: Option<String>,
    /// Gateway of the `HTTPRoute`, as `namespace/name`.
    pub(crate) gateway: Option<String>,
    /// Annotations of the Ingress or `HTTPRoute`, as `key=value`, separated by commas.
    #[serde(default)]
    pub(crate) route_annotations: String,
    /// Who may connect to instances: `namespace:NAME` or `cidr:ADDRESS/LENGTH`, separated by commas. Other instances
    /// never may. Default: the instances' own namespace. With a route, name the namespace of its controller or
    /// gateway.
    pub(crate) allow_from: Option<String>,
    /// Where instances may connect to besides DNS and public addresses, in the same form.
    #[serde(default)]
    pub(crate) allow_to: String,
    /// Public addresses that instances may not connect to, as `ADDRESS/LENGTH`, separated by commas, such as those of
    /// the API server. Its address is always closed if `KUBERNETES_KUBECONFIG` has it as a number.
    #[serde(default)]
    pub(crate) deny_to: String,
    /// The port that the image listens on; given to it as `PORT`.
    #[serde(default = "Variables::default_container_port")]
    pub(crate) container_port: u16,
    /// Memory limit in MiB. An instance that exceeds it is killed.
    #[serde(default = "Variables::default_memory")]
    pub(crate) memory_mib: u32,
    /// Memory that a node must have free for an instance, in MiB.
    #[serde(default = "Variables::default_memory_request")]
    pub(crate) memory_request_mib: u32,
    /// CPU limit in thousandths of a core.
    #[serde(default = "Variables::default_cpu")]
    pub(crate) cpu_millis: u32,
    /// CPU that a node must have free for an instance, in thousandths of a core.
    #[serde(default = "Variables::default_cpu_request")]
    pub(crate) cpu_request_millis: u32,
    /// Mount the root file system read-only; `/data` and `/tmp` stay writable.
    #[serde(default = "Variables::default_true")]
    pub(crate) read_only: bool,
    /// Id of the user and group to run as; not 0. The volume belongs to the same group.
    #[serde(default = "Variables::default_user")]
    pub(crate) user: u32,
    /// Runtime class, such as `gvisor` or `kata`. Default: the cluster's.
    pub(crate) runtime_class: Option<String>,
    /// Labels that a node must have, as `key=value`, separated by commas.
    #[serde(default)]
    pub(crate) node_selector: String,
    /// Taints that instances tolerate, as `key=value:Effect`, `key:Effect` or `key`, separated by commas.
    #[serde(default)]
    pub(crate) tolerations: String,
    /// Storage class of the volume. Default: the cluster's.
    pub(crate) storage_class: Option<String>,
    /// Size of the volume in MiB.
    #[serde(default = "Variables::default_storage")]
    pub(crate) storage_mib: u32,
    /// How often an instance that fails is restarted before it counts as crashed.
    #[serde(default = "Variables::default_restarts")]
    pub(crate) restart_max: u32,
    /// Time between the stop signal and the kill of an instance, in milliseconds; at least a second.
    #[serde(default = "Variables::default_stop_grace")]
    pub(crate) stop_grace_ms: Millis,
}

impl Variables {
    const fn default_route() -> Route {
        Route::None
    }

    const fn default_container_port() -> u16 {
        8080
    }

    const fn default_memory() -> u32 {
        512
    }

    const fn default_memory_request() -> u32 {
        128
    }

    const fn default_cpu() -> u32 {
        1000
    }

    const fn default_cpu_request() -> u32 {
        100
    }

    const fn default_true() -> bool {
        true
    }

    const fn default_user() -> u32 {
        1000
    }

    const fn default_storage() -> u32 {
        1024
    }

    const fn default_restarts() -> u32 {
        3
    }

    const fn default_stop_grace() -> Millis {
        Millis::from_millis(5_000)
    }
}
