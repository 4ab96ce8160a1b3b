//! The target of a request's path.

/// Resource, namespace, name.
pub(super) type Key = (Resource, String, String);

/// The resources that this cluster serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Resource {
    StatefulSets,
    Pods,
    Services,
    Secrets,
    Claims,
    Policies,
    Ingresses,
    Routes,
}

impl Resource {
    const ALL: [(Self, &'static str, &'static str, &'static str); 8] = [
        (Self::StatefulSets, "apps", "statefulsets", "StatefulSet"),
        (Self::Pods, "", "pods", "Pod"),
        (Self::Services, "", "services", "Service"),
        (Self::Secrets, "", "secrets", "Secret"),
        (
            Self::Claims,
            "",
            "persistentvolumeclaims",
            "PersistentVolumeClaim",
        ),
        (
            Self::Policies,
            "networking.k8s.io",
            "networkpolicies",
            "NetworkPolicy",
        ),
        (Self::Ingresses, "networking.k8s.io", "ingresses", "Ingress"),
        (
            Self::Routes,
            "gateway.networking.k8s.io",
            "httproutes",
            "HTTPRoute",
        ),
    ];

    fn row(self) -> (&'static str, &'static str, &'static str) {
        let row = Self::ALL.into_iter().find(|(one, ..)| *one == self);
        row.map_or(("", "", ""), |(_, group, plural, kind)| {
            (group, plural, kind)
        })
    }

    /// Empty for the core group.
    pub(super) fn group(self) -> &'static str {
        self.row().0
    }

    pub(super) fn plural(self) -> &'static str {
        self.row().1
    }

    pub(super) fn kind(self) -> &'static str {
        self.row().2
    }

    /// The name in messages, such as `statefulsets.apps`.
    pub(super) fn full(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    pub(super) fn api_version(self) -> String {
        match self.group() {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    pub(super) fn find(group: &str, plural: &str) -> Option<Self> {
        let mut rows = Self::ALL.into_iter();
        rows.find(|(_, its_group, its_plural, _)| *its_group == group && *its_plural == plural)
            .map(|(resource, ..)| resource)
    }
}

/// The target of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Namespace(String),
    Collection(Resource, String),
    Object(Key),
    Log(String, String),
    Review,
    Version,
}

impl Target {
    /// Reads a path's decoded segments.
    pub(super) fn parse(segments: &[&str]) -> Option<Self> {
        match segments {
            ["version"] => Some(Self::Version),
            ["api", "v1", "namespaces", name] => Some(Self::Namespace((*name).to_owned())),
            ["api", "v1", "namespaces", namespace, "pods", name, "log"] => {
                Some(Self::Log((*namespace).to_owned(), (*name).to_owned()))
            }
            ["api", "v1", "namespaces", namespace, rest @ ..] => Self::within("", namespace, rest),
            [
                "apis",
                "authorization.k8s.io",
                "v1",
                "selfsubjectrulesreviews",
            ] => Some(Self::Review),
            ["apis", group, "v1", "namespaces", namespace, rest @ ..] => {
                Self::within(group, namespace, rest)
            }
            _ => None,
        }
    }

    fn within(group: &str, namespace: &str, rest: &[&str]) -> Option<Self> {
        let resource = Resource::find(group, rest.first()?)?;
        match rest {
            [_] => Some(Self::Collection(resource, namespace.to_owned())),
            [_, name] => Some(Self::Object((
                resource,
                namespace.to_owned(),
                (*name).to_owned(),
            ))),
            _ => None,
        }
    }
}
