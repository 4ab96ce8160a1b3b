//! The two forms of an address, as pairs of parameter and value.

/// Parameter and value, in order. `host` and `port` may contain lists.
pub(super) type Pairs = Vec<(String, String)>;

const FORMS: &str = "is not a database address: expected postgres://USER:PASSWORD@HOST:PORT/NAME, or pairs \
                     such as host=HOST dbname=NAME";
const ENCODE: &str = "cannot be read as postgres://USER:PASSWORD@HOST:PORT/NAME. If the password contains \
                      one of / ? # @ : % write that character percent-encoded: %2F %3F %23 %40 %3A %25";

/// Parses either form.
pub(super) fn pairs(text: &str) -> Result<Pairs, String> {
    let text = text.trim();
    let schemes = ["postgres://", "postgresql://"];
    if let Some(rest) = schemes.iter().find_map(|scheme| text.strip_prefix(scheme)) {
        return uri(rest);
    }
    if text.contains("://") || !text.contains('=') {
        return Err(FORMS.to_owned());
    }
    keywords(text)
}

fn uri(rest: &str) -> Result<Pairs, String> {
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, name) = before.split_once('/').unwrap_or((before, ""));
    // If an @ follows a / or ?, these were meant to be part of the password.
    let misplaced = name.contains('@') || (query.contains('@') && !authority.contains('@'));
    if misplaced && !query.starts_with("host=") {
        return Err(ENCODE.to_owned());
    }
    let mut pairs = Pairs::new();
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let (hosts, ports) = split_hosts(hosts)?;
    for (parameter, value) in [
        ("user", user),
        ("password", password),
        ("host", hosts.as_str()),
        ("port", ports.as_str()),
        ("dbname", name),
    ] {
        if !value.is_empty() {
            pairs.push((parameter.to_owned(), decode(value)?));
        }
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (parameter, value) = pair.split_once('=').ok_or(ENCODE)?;
        // As in libpq, for JDBC URLs.
        let (parameter, value) = match (parameter, value) {
            ("ssl", "true") => ("sslmode", "require"),
            other => other,
        };
        pairs.push((decode(parameter)?, decode(value)?));
    }
    Ok(pairs)
}

/// `a:1,[::1]:2` as `a,::1` and `1,2`. A host without a port has an empty one.
fn split_hosts(text: &str) -> Result<(String, String), String> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for part in text.split(',') {
        let (host, port) = match part.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(ENCODE)?;
                (host, port.strip_prefix(':').unwrap_or(port))
            }
            None => part.split_once(':').unwrap_or((part, "")),
        };
        if !port.chars().all(|c| c.is_ascii_digit()) {
            return Err(ENCODE.to_owned());
        }
        hosts.push(host);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) {
        String::new()
    } else {
        ports.join(",")
    };
    Ok((hosts.join(","), ports))
}

fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value) if value != 0 => bytes.push(value),
            _ => {
                let problem =
                    "has a % that is not followed by two hexadecimal digits: write %25 for %";
                return Err(problem.to_owned());
            }
        }
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "has percent-encoded text that is not UTF-8".to_owned())
}

/// `key = value`, values in single quotes if they are empty or contain blanks, with `\'` and `\\`.
fn keywords(text: &str) -> Result<Pairs, String> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (parameter, after) = rest.split_once('=').ok_or(FORMS)?;
        let (value, after) = keyword_value(after.trim_start())?;
        pairs.push((parameter.trim().to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

fn keyword_value(text: &str) -> Result<(String, &str), String> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            c if c.is_whitespace() && !quoted => return Ok((value, &text[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        return Err("has a value that begins with ' but has no closing '".to_owned());
    }
    Ok((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let pairs = pairs(text).unwrap();
        let each = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        each.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn both_forms_are_read_as_libpq_reads_them() {
        for (text, expected) in [
            (
                "postgres://u:p@h:1/d",
                "user=u password=p host=h port=1 dbname=d",
            ),
            ("postgresql://h", "host=h"),
            ("postgres:///d?host=%2Frun%2Fpg", "dbname=d host=/run/pg"),
            ("postgres://%2Frun%2Fpg/d", "host=/run/pg dbname=d"),
            (
                "postgres://a:1,b,[::1]:3/d",
                "host=a,b,::1 port=1,,3 dbname=d",
            ),
            (
                "postgres://u:a%2Fb@c#d@h/d",
                "user=u password=a/b@c#d host=h dbname=d",
            ),
            (
                "postgres://h/d?ssl=true&options=-c%20a%3Db",
                "host=h dbname=d sslmode=require options=-c a=b",
            ),
            (
                "host=h  user = u password='it\\'s \\\\'",
                "host=h user=u password=it's \\",
            ),
            ("password='' dbname=d", "password= dbname=d"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_password_with_odd_characters_gets_a_hint_and_is_not_shown() {
        for text in [
            "postgres://u:hun/ter@h:1/d",
            "postgres://u:hun?ter@h:1/d",
            "postgres://u:hun:ter2/x@h/d",
            "postgres://u:hunter2@h:port/d",
        ] {
            let error = pairs(text).unwrap_err();
            assert!(error.contains("percent-encoded"), "{text}: {error}");
            assert!(!error.contains("hun"), "{error}");
        }
        let error = pairs("postgres://u:100%@h/d").unwrap_err();
        assert!(error.contains("write %25"), "{error}");
    }

    #[test]
    fn other_texts_are_refused_with_the_two_forms() {
        for text in ["", "pool", "mysql://h/x", "http://h/x?a=b"] {
            assert!(pairs(text).unwrap_err().contains("host=HOST"), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = pairs(&text);
            let _ = pairs(&format!("postgres://{text}"));
        }
    }
}
