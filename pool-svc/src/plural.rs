//! Numbers of things in texts.

/// `1 claim`, `2 claims`.
pub(crate) fn count_of(count: u32, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular() {
        let texts = [0, 1, 2].map(|count| count_of(count, "time"));
        assert_eq!(texts, ["0 times", "1 time", "2 times"]);
    }
}
