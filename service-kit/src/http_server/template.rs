//! Paths with placeholders for ids, so that they can be labels.

/// The paths that a service serves, such as `/destroy/:instanceId`.
///
/// Those of [`crate::health`] are included automatically.
#[derive(Debug, Clone, Copy)]
pub struct Templates(&'static [&'static str]);

const OWN: [&str; 5] = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi",
    "/openapi.json",
];

impl Templates {
    /// `paths` have parameters that begin with `:`. If two match, the earlier one wins.
    #[must_use]
    pub const fn new(paths: &'static [&'static str]) -> Self {
        Self(paths)
    }

    /// The paths.
    #[must_use]
    pub const fn paths(self) -> &'static [&'static str] {
        self.0
    }

    /// The template that a path matches, or `unrouted`, so that the number of values does not depend on what clients
    /// request.
    pub(crate) fn matching(self, path: &str) -> &'static str {
        self.0
            .iter()
            .chain(&OWN)
            .find(|template| parameters_of(template, path).is_some())
            .map_or("unrouted", |template| template)
    }
}

/// The parameters in `path`, if it has the form of `template`: the segments whose names begin with `:`. A trailing slash
/// is ignored.
pub(crate) fn parameters_of<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut given = path.strip_suffix('/').unwrap_or(path).split('/');
    let mut values = Vec::new();
    for name in template.strip_suffix('/').unwrap_or(template).split('/') {
        let segment = given.next()?;
        if name.starts_with(':') && !segment.is_empty() {
            values.push(segment);
        } else if name != segment {
            return None;
        }
    }
    given.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_its_template() {
        let templates = Templates::new(&["/", "/destroy/:instanceId", "/destroy/:id/:tool"]);
        for (path, template) in [
            ("/destroy/abc", "/destroy/:instanceId"),
            ("/destroy/abc/", "/destroy/:instanceId"),
            ("/destroy/abc/openrouter", "/destroy/:id/:tool"),
            ("/healthz", "/healthz"),
            ("/", "/"),
            ("/destroy", "unrouted"),
            ("/destroy//", "unrouted"),
            ("/destroy/a/b/c", "unrouted"),
            ("/wp-login.php", "unrouted"),
        ] {
            assert_eq!(templates.matching(path), template, "{path}");
        }
    }
}
