//! Checks that a generated document is up to date and complete.

use std::path::Path;

use serde_json::Value;

/// Methods of HTTP that a route may have.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Asserts that a file of the repository equals the generated text. With `UPDATE=1` the file is written instead.
///
/// # Panics
/// The file differs, or cannot be read or written.
pub fn assert_generated(file: &Path, generated: &str) {
    if std::env::var_os("UPDATE").is_some() {
        let folder = file.parent().expect("a file is in a folder");
        std::fs::create_dir_all(folder).expect("the folder of the document can be made");
        std::fs::write(file, generated).expect("the document can be written");
        return;
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    let shown = file.display();
    assert!(
        committed == generated,
        "{shown} is out of date: run this test with UPDATE=1"
    );
}

/// Asserts that the service at `url` accepts exactly those methods of `paths` that `document` names.
///
/// # Panics
/// A path is not in the document, or a method is in only one of them.
pub async fn assert_described(url: &str, document: &Value, paths: &[&&str]) {
    let client = agent_pool_core::http::bare_builder().no_proxy().build();
    let client = client.expect("a plain client can be made");
    for path in paths {
        let described = &document["paths"][braced(path)];
        assert!(
            described.is_object(),
            "{path} is not in the OpenAPI document"
        );
        // An id that nothing has, of a length that any parameter accepts.
        let concrete: Vec<_> = path
            .split('/')
            .map(|it| {
                if it.starts_with(':') {
                    "abcdefghijkl"
                } else {
                    it
                }
            })
            .collect();
        for method in METHODS {
            let name = method.to_uppercase().parse().expect("a method's name");
            let request = client.request(name, format!("{url}{}", concrete.join("/")));
            // Without a key, so that nothing changes: the method is checked first.
            let answer = request.send().await.expect("the service answers");
            let taken = answer.status() != 405;
            let named = described.get(method).is_some();
            assert_eq!(
                named, taken,
                "{method} {path}: in the document, and answered"
            );
        }
    }
}

fn braced(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| match segment.strip_prefix(':') {
            Some(name) => format!("{{{name}}}"),
            None => segment.to_owned(),
        });
    segments.collect::<Vec<_>>().join("/")
}
