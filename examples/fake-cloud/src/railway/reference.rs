//! References in variables: `${{shared.NAME}}`, `${{Service.NAME}}` and `${{NAME}}` are replaced when a
//! deployment is created [D]. A reference without a target becomes empty (not documented [?]).

use std::collections::BTreeMap;

/// `text` with every reference replaced by what `look_up` has for its scope, if any, and its name.
fn evaluate(text: &str, look_up: &impl Fn(Option<&str>, &str) -> Option<String>) -> String {
    let mut evaluated = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let Some((reference, behind)) = after.split_once("}}") else {
            break;
        };
        let reference = reference.trim();
        let value = match reference.split_once('.') {
            Some((scope, name)) => look_up(Some(scope), name),
            None => look_up(None, reference),
        };
        evaluated.push_str(before);
        evaluated.push_str(&value.unwrap_or_default());
        rest = behind;
    }
    evaluated + rest
}

/// The variables of one service with their references replaced; `others` are the variables of all services of
/// the environment, by name.
pub(super) fn evaluate_all(
    own: &BTreeMap<String, String>,
    shared: &BTreeMap<String, String>,
    others: &BTreeMap<String, BTreeMap<String, String>>,
) -> BTreeMap<String, String> {
    let look_up = |scope: Option<&str>, name: &str| {
        let variables = match scope {
            None => Some(own),
            Some("shared") => Some(shared),
            Some(service) => others.get(service),
        };
        variables?.get(name).cloned()
    };
    own.iter()
        .map(|(name, text)| (name.clone(), evaluate(text, &look_up)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_the_rest_stays() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let own = map(&[
            ("A", "1"),
            ("B", "<${{A}}> <${{ shared.KEY }}> <${{db.URL}}> <${{C}}>"),
            ("D", "$ ${A} $(A) ${{A"),
        ]);
        let others = BTreeMap::from([("db".to_owned(), map(&[("URL", "pg://")]))]);
        let evaluated = evaluate_all(&own, &map(&[("KEY", "k")]), &others);
        assert_eq!(evaluated["B"], "<1> <k> <pg://> <>");
        assert_eq!(evaluated["D"], own["D"]);
    }
}
