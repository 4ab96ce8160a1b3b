use crate::registration;

/// Checks that the table of a tool's README has one row for each setting, in order, with its default.
pub fn readme_lists_the_settings(readme: &str, id: &str) {
    let settings = (registration(id).settings)();
    let rows = readme.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<Vec<&str>> = rows
        .map(|row| row.split('|').map(str::trim).collect())
        .collect();
    let listed: Vec<&str> = rows.iter().map(|row| row[1].trim_matches('`')).collect();
    let declared: Vec<&str> = settings.iter().map(|spec| spec.variable.as_str()).collect();
    assert_eq!(listed, declared);
    for (row, spec) in rows.iter().zip(&settings) {
        assert_eq!(
            row[2].starts_with("required"),
            spec.required,
            "{}",
            spec.variable
        );
        assert_eq!(row[2].ends_with("secret"), spec.secret, "{}", spec.variable);
        if let Some(default) = &spec.default {
            let default = default.trim_end_matches('/').trim_end_matches(".0");
            assert_eq!(row[2].trim_matches('`'), default, "{}", spec.variable);
        }
    }
}
