//! The kinds of objects that an instance consists of.

/// One kind, as the API server's paths and manifests name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    /// Its name in paths and roles.
    pub(crate) plural: &'static str,
}

const fn core(kind: &'static str, plural: &'static str) -> Kind {
    grouped("", kind, plural)
}

const fn grouped(group: &'static str, kind: &'static str, plural: &'static str) -> Kind {
    Kind {
        group,
        version: "v1",
        kind,
        plural,
    }
}

pub(crate) const STATEFUL_SET: Kind = grouped("apps", "StatefulSet", "statefulsets");
pub(crate) const POD: Kind = core("Pod", "pods");
pub(crate) const SECRET: Kind = core("Secret", "secrets");
pub(crate) const SERVICE: Kind = core("Service", "services");
pub(crate) const CLAIM: Kind = core("PersistentVolumeClaim", "persistentvolumeclaims");
pub(crate) const POLICY: Kind = grouped("networking.k8s.io", "NetworkPolicy", "networkpolicies");
pub(crate) const INGRESS: Kind = grouped("networking.k8s.io", "Ingress", "ingresses");
pub(crate) const HTTP_ROUTE: Kind = grouped("gateway.networking.k8s.io", "HTTPRoute", "httproutes");

impl Kind {
    /// `apiVersion` in a manifest.
    pub(crate) fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The path of the collection in a namespace.
    pub(crate) fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        format!(
            "/{root}/{}/namespaces/{namespace}/{}",
            self.api_version(),
            self.plural
        )
    }

    /// Its name for people and `kubectl`, such as `statefulsets.apps`.
    pub(crate) fn resource(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_kinds_and_grouped_kinds_have_different_paths() {
        assert_eq!(POD.path("agents"), "/api/v1/namespaces/agents/pods");
        let path = "/apis/apps/v1/namespaces/agents/statefulsets";
        assert_eq!(STATEFUL_SET.path("agents"), path);
        assert_eq!(
            (POD.resource(), STATEFUL_SET.resource()),
            ("pods".to_owned(), "statefulsets.apps".to_owned())
        );
    }
}
