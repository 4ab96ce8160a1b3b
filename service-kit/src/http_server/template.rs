//! Paths with their ids taken out, so that they can be a label.

/// The paths that a service serves, such as `/destroy/:instanceId`.
///
/// Those of [`crate::health`] need not be named.
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
    /// Takes the paths, parameters beginning with `:`. Where two fit, the earlier one is taken.
    #[must_use]
    pub const fn new(paths: &'static [&'static str]) -> Self {
        Self(paths)
    }

    /// The paths.
    #[must_use]
    pub const fn paths(self) -> &'static [&'static str] {
        self.0
    }

    /// The template that a path fits, or `unrouted`: as many values as there are templates, however
    /// many paths are asked for.
    pub(crate) fn matching(self, path: &str) -> &'static str {
        self.0
            .iter()
            .chain(&OWN)
            .find(|template| fits(template, path))
            .map_or("unrouted", |template| template)
    }
}

/// A slash at the end means nothing, as to the routes themselves.
fn fits(template: &str, path: &str) -> bool {
    let mut segments = path.strip_suffix('/').unwrap_or(path).split('/');
    let mut wanted = template.strip_suffix('/').unwrap_or(template).split('/');
    let each_fits = wanted.all(|wanted| {
        segments
            .next()
            .is_some_and(|is| wanted == is || (wanted.starts_with(':') && !is.is_empty()))
    });
    each_fits && segments.next().is_none()
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
