//! The dialect of `.env` files.
//!
//! - One `NAME=value` per line; `export ` before the name, blank lines and lines that begin with `#` are
//!   skipped, as are a byte order mark and line ends of any system.
//! - A value without quotes is literal: trimmed, up to ` #`. A backslash is a backslash.
//! - A value in single quotes is literal, `#` and newlines included.
//! - A value in double quotes has the escapes `\n`, `\t`, `\r`, `\"`, `\\`, `\$` and may span lines.
//! - `${NAME}` is replaced outside single quotes, by the variable of the process or of a line above. A `$`
//!   without `{` is a dollar sign.
//! - A line with an invalid name, or without `=`, is skipped with a warning. An unclosed quote, text after a closing
//!   quote, and `${NAME}` of an unknown variable are errors.

use std::fmt;

use agent_pool_core::settings::Environment;

/// The contents of a file.
#[derive(Debug)]
pub(super) struct Parsed {
    /// In order; a later line overrides an earlier one of the same name.
    pub(super) variables: Vec<(String, String)>,
    pub(super) warnings: Vec<String>,
}

/// Every line that cannot be parsed. Values are not shown, because they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<(usize, String)>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (line, fault)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}.env line {line}: {fault}")?;
        }
        Ok(())
    }
}

/// Parses the text of a file. `${NAME}` may refer to a variable of `process`, which takes precedence over the file's.
pub(super) fn parse(text: &str, process: &Environment) -> Result<Parsed, Faults> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut parser = Parser {
        rest: &text,
        line: 1,
        process,
        parsed: Parsed {
            variables: Vec::new(),
            warnings: Vec::new(),
        },
        faults: Vec::new(),
    };
    while !parser.rest.is_empty() {
        parser.read_line();
    }
    if parser.faults.is_empty() {
        return Ok(parser.parsed);
    }
    Err(Faults(parser.faults))
}

struct Parser<'a> {
    rest: &'a str,
    /// The number of the line that `rest` begins with.
    line: usize,
    process: &'a Environment,
    parsed: Parsed,
    faults: Vec<(usize, String)>,
}

impl Parser<'_> {
    fn read_line(&mut self) {
        let line = self.line;
        let text = first_line(self.rest).trim();
        let exported = text.strip_prefix("export").unwrap_or(text);
        let is_word = exported.starts_with([' ', '\t']);
        let text = if is_word { exported.trim_start() } else { text };
        if text.is_empty() || text.starts_with('#') {
            return self.advance_line();
        }
        let Some((name, _)) = text.split_once('=') else {
            let warning = format!(".env line {line} has no = and is skipped");
            self.parsed.warnings.push(warning);
            return self.advance_line();
        };
        let name = name.trim_end();
        if !is_variable(name) {
            // Not quoted: the text before = may be part of a secret.
            let warning =
                format!(".env line {line} has no valid variable name before = and is skipped");
            self.parsed.warnings.push(warning);
            return self.advance_line();
        }
        let name = name.to_owned();
        self.advance(self.rest.find('=').map_or(0, |at| at + 1));
        match self.read_value() {
            Ok(value) => self.parsed.variables.push((name, value)),
            Err(fault) => {
                self.faults.push((line, format!("{name} {fault}")));
                self.advance_line();
            }
        }
    }

    /// Reads from after `=` to the end of the value's last line.
    fn read_value(&mut self) -> Result<String, String> {
        let blanks = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        self.advance(blanks);
        match self.rest.chars().next() {
            Some('\'') => {
                let end = self.rest[1..].find('\'');
                let end = end.ok_or("begins with ' but has no closing '")? + 1;
                let value = self.rest[1..end].to_owned();
                self.advance(end + 1);
                self.end_quoted().map(|()| value)
            }
            Some('"') => {
                self.advance(1);
                let value = self.read_double_quoted()?;
                self.end_quoted().map(|()| value)
            }
            _ => {
                let raw = without_comment(first_line(self.rest)).trim();
                let value = self.substitute(raw)?;
                self.advance_line();
                Ok(value)
            }
        }
    }

    fn read_double_quoted(&mut self) -> Result<String, String> {
        let mut value = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.advance(at + 1);
                    return Ok(value);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, escaped @ ('"' | '\\' | '$'))) => value.push(escaped),
                    Some((_, other)) => value.extend(['\\', other]),
                    None => break,
                },
                '$' if self.rest[at..].starts_with("${") => {
                    let (name, end) = reference(&self.rest[at..])?;
                    value.push_str(&self.look_up(name)?);
                    for _ in 1..self.rest[at..at + end].chars().count() {
                        chars.next();
                    }
                }
                _ => value.push(c),
            }
        }
        Err("begins with \" but has no closing \"".to_owned())
    }

    /// Only a comment may follow a closing quote.
    fn end_quoted(&mut self) -> Result<(), String> {
        let after = first_line(self.rest).trim();
        if after.is_empty() || after.starts_with('#') {
            self.advance_line();
            return Ok(());
        }
        Err("has text after the closing quote".to_owned())
    }

    fn substitute(&self, raw: &str) -> Result<String, String> {
        let mut value = String::new();
        let mut rest = raw;
        while let Some(at) = rest.find("${") {
            value.push_str(&rest[..at]);
            let (name, end) = reference(&rest[at..])?;
            value.push_str(&self.look_up(name)?);
            rest = &rest[at + end..];
        }
        value.push_str(rest);
        Ok(value)
    }

    fn look_up(&self, name: &str) -> Result<String, String> {
        let above = || {
            let found = self
                .parsed
                .variables
                .iter()
                .rev()
                .find(|(it, _)| it == name);
            found.map(|(_, value)| value.as_str())
        };
        let value = self.process.get(name).or_else(above);
        let unknown = || {
            format!(
                "refers to ${{{name}}}, which is not set; use single quotes for a literal value"
            )
        };
        value.map(str::to_owned).ok_or_else(unknown)
    }

    fn advance_line(&mut self) {
        let length = first_line(self.rest).len();
        self.advance(self.rest.len().min(length + 1));
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

/// `#` begins a comment only at the start of a value or after a blank, because passwords and URLs may contain it.
fn without_comment(raw: &str) -> &str {
    if raw.trim_start().starts_with('#') {
        return "";
    }
    let comment = raw.find(" #").or_else(|| raw.find("\t#"));
    comment.map_or(raw, |at| &raw[..at])
}

/// The name in `${NAME}` at the beginning of a text, and the end of the reference.
fn reference(text: &str) -> Result<(&str, usize), String> {
    let end = text.find('}').filter(|end| is_variable(&text[2..*end]));
    let end =
        end.ok_or("has ${ without a name and }: put the value in single quotes if it is literal")?;
    Ok((&text[2..end], end + 1))
}

/// A valid variable name in a shell, plus hyphens and dots, which other tools allow.
fn is_variable(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    begins && name.chars().all(of_a_name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        parse(text, &Environment::from_iter([("SET", "process")]))
            .unwrap()
            .variables
    }

    fn value(text: &str) -> String {
        let mut values = values(text);
        assert_eq!(values.len(), 1, "{text:?}: {values:?}");
        values.remove(0).1
    }

    #[test]
    fn values_without_quotes_and_in_single_quotes_are_literal() {
        for (line, expected) in [
            ("K=judge$key", "judge$key"),
            ("K=  spaced out \t", "spaced out"),
            ("K=it's", "it's"),
            ("K=a\\nb", "a\\nb"),
            ("K=a#b # a comment", "a#b"),
            ("K=# a comment", ""),
            ("K=", ""),
            ("K='$HOME # \"x\" ${SET}'", "$HOME # \"x\" ${SET}"),
            ("export K = v", "v"),
            ("export\tK=v", "v"),
            ("\texport  K=v", "v"),
            ("K-with.odd_name=v", "v"),
            ("K='two\nlines' # a comment", "two\nlines"),
            ("K=a=b", "a=b"),
        ] {
            assert_eq!(value(line), expected, "{line:?}");
        }
    }

    #[test]
    fn double_quotes_know_escapes_and_both_know_references() {
        for (line, expected) in [
            (r#"K="a\n\t\"\\\$x""#, "a\n\t\"\\$x"),
            (r#"K="\d+""#, "\\d+"),
            ("K=\"two\r\nlines\"", "two\nlines"),
            ("K=${SET}/x", "process/x"),
            ("K=\"<${SET}>\"", "<process>"),
            ("K=\"$5\"", "$5"),
        ] {
            assert_eq!(value(line), expected, "{line:?}");
        }
        let above = values("A=1\nA=2\nB=${A}${SET}");
        assert_eq!(above[2].1, "2process");
    }

    #[test]
    fn marks_and_line_ends_of_other_systems_are_no_part_of_a_value() {
        for text in [
            "\u{feff}A=1\r\n\r\nB='2'\r\nC=\"3\"\r\n",
            "A=1\r\rB='2'\rC=\"3\"\r",
        ] {
            let read = values(text);
            let read = read.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            let expected = [("A", "1"), ("B", "2"), ("C", "3")];
            assert!(read.eq(expected), "{text:?}");
        }
    }

    #[test]
    fn lines_that_are_no_variables_are_skipped_with_a_warning() {
        let parsed = parse(
            "A=1\nPOOL_API_KEY hunter2\nhunter 3=x\nB=2",
            &Environment::default(),
        );
        let parsed = parsed.unwrap();
        assert_eq!(parsed.variables.len(), 2);
        assert!(parsed.warnings[0].starts_with(".env line 2 has no ="));
        assert!(parsed.warnings[1].starts_with(".env line 3 has no valid variable name"));
        assert!(!format!("{:?}", parsed.warnings).contains("hunter"));
    }

    #[test]
    fn every_fault_is_named_by_its_line_and_shows_no_value() {
        let text = "A='two\nlines'\nB=\"x\" hunter2\nC=${NOWHERE}\nD=${hunter 2}\nE='hunter2\n";
        let error = parse(text, &Environment::default())
            .unwrap_err()
            .to_string();
        let lines: Vec<_> = error.lines().collect();
        for (line, expected) in lines.iter().zip([
            ".env line 3: B has text after",
            ".env line 4: C refers to ${NOWHERE}",
            ".env line 5: D has ${ without",
            ".env line 6: E begins with '",
        ]) {
            assert!(line.starts_with(expected), "{line}");
        }
        assert_eq!(lines.len(), 4);
        assert!(!error.contains("hunter"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,80}") {
            let _ = parse(&text, &Environment::default());
        }

        #[test]
        fn a_value_in_single_quotes_comes_back(value in "[^'\r]{0,40}") {
            let read = values(&format!("K='{value}'\nNEXT=1"));
            prop_assert_eq!(&read[0].1, &value);
            prop_assert_eq!(read.len(), 2);
        }
    }
}
