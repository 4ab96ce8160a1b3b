//! The parameters of an address.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{
    ChannelBinding, Host, LoadBalanceHosts, SslMode, SslNegotiation, TargetSessionAttrs,
};

use super::super::tls::{ClientCertificate, Roots, TlsSettings, Verify};
use super::text::pairs;

/// How long a server may send nothing before the connection counts as broken. Without this limit, a call over a hanging
/// network would wait for hours, and so would the holder of a lock.
const SILENT: Duration = Duration::from_secs(30);
/// Time limit for connecting to one host.
const CONNECT: Duration = Duration::from_secs(5);

/// The address of a database, and how to connect.
#[derive(Debug)]
pub(in crate::db) struct Address {
    pub(in crate::db) config: Config,
    pub(in crate::db) tls: TlsSettings,
    /// `sslmode=allow`: first without TLS, then with it.
    pub(in crate::db) plain_first: bool,
    /// Time limit for connecting, for all hosts together.
    pub(in crate::db) connect_within: Duration,
}

/// Parses an address. The error message is meant to follow the name of a variable, and quotes no value.
pub(in crate::db) fn parse(text: &str) -> Result<Address, String> {
    let mut reading = Reading::default();
    let pairs = pairs(text)?;
    for (at, (name, value)) in pairs.iter().enumerate() {
        // As in libpq, a later value replaces an earlier one, and an empty one means the default.
        let replaced = pairs[at + 1..].iter().any(|(later, _)| later == name);
        if !replaced && !value.is_empty() {
            reading.apply(name, value)?;
        }
    }
    reading.finish()
}

#[derive(Default)]
struct Reading {
    config: Config,
    sslmode: Option<String>,
    sslrootcert: Option<PathBuf>,
    sslcert: Option<PathBuf>,
    sslkey: Option<PathBuf>,
    sni: Option<bool>,
    tls13_only: bool,
    tls12_only: bool,
    connect_timeout: Option<Duration>,
    keepalives_idle: Option<Duration>,
    own_keepalives: bool,
    own_attributes: bool,
    no_certificate: bool,
    hosts: usize,
    fallback_name: Option<String>,
    passfile: Option<PathBuf>,
}

impl Reading {
    fn apply(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "user" => drop(self.config.user(value)),
            "password" => drop(self.config.password(value)),
            "dbname" => drop(self.config.dbname(value)),
            "options" => drop(self.config.options(value)),
            "application_name" => drop(self.config.application_name(value)),
            "fallback_application_name" => self.fallback_name = Some(value.to_owned()),
            "passfile" => self.passfile = Some(value.into()),
            "host" | "hostaddr" | "port" | "target_session_attrs" | "load_balance_hosts" => {
                return self.apply_hosts(name, value);
            }
            "connect_timeout"
            | "tcp_user_timeout"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count" => return self.apply_timing(name, value),
            _ if name.starts_with("ssl") || matches!(name, "requiressl" | "channel_binding") => {
                return self.apply_tls(name, value);
            }
            _ => return check_fixed(name, value),
        }
        Ok(())
    }

    fn apply_hosts(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "host" => {
                for host in value.split(',') {
                    self.hosts += 1;
                    self.config.host(if host.is_empty() {
                        default_host()
                    } else {
                        host
                    });
                }
            }
            "hostaddr" => {
                for address in value.split(',') {
                    let address = parsed(name, address, "an IP address")?;
                    self.config.hostaddr(address);
                }
                self.hosts = self.hosts.max(self.config.get_hostaddrs().len());
            }
            "port" => {
                for port in value.split(',') {
                    let port = if port.is_empty() { "5432" } else { port };
                    self.config.port(parsed(name, port, "a port number")?);
                }
            }
            "target_session_attrs" => {
                self.own_attributes = true;
                self.config.target_session_attrs(match value {
                    "any" => TargetSessionAttrs::Any,
                    // A primary that accepts no writes is of no use here either.
                    "read-write" | "primary" => TargetSessionAttrs::ReadWrite,
                    "read-only" | "standby" | "prefer-standby" => {
                        return Err(refused(name, "the services write: set read-write, or any"));
                    }
                    _ => return Err(expected(name, "any, read-write or primary")),
                });
            }
            _ => {
                self.config.load_balance_hosts(match value {
                    "disable" => LoadBalanceHosts::Disable,
                    "random" => LoadBalanceHosts::Random,
                    _ => return Err(expected(name, "disable or random")),
                });
            }
        }
        Ok(())
    }

    fn apply_timing(&mut self, name: &str, value: &str) -> Result<(), String> {
        // Zero and less mean the default, as in libpq.
        let number: i32 = parsed(name, value, "a whole number")?;
        let number = u32::try_from(number).unwrap_or_default();
        let seconds = Duration::from_secs(number.into());
        match name {
            "keepalives" => drop(self.config.keepalives(number != 0)),
            // libpq would wait without limit.
            _ if number == 0 => return Ok(()),
            // libpq waits for at least 2 s.
            "connect_timeout" => self.connect_timeout = Some(seconds.max(Duration::from_secs(2))),
            "keepalives_idle" => self.keepalives_idle = Some(seconds),
            "keepalives_interval" => drop(self.config.keepalives_interval(seconds)),
            "keepalives_count" => drop(self.config.keepalives_retries(number)),
            _ => drop(
                self.config
                    .tcp_user_timeout(Duration::from_millis(number.into())),
            ),
        }
        self.own_keepalives |= name != "connect_timeout";
        Ok(())
    }

    fn apply_tls(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "sslmode" => match value {
                "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full" => {
                    self.sslmode = Some(value.to_owned());
                }
                _ => {
                    let modes = "disable, allow, prefer, require, verify-ca or verify-full";
                    return Err(expected(name, modes));
                }
            },
            "requiressl" if value == "1" => self.sslmode = Some("require".to_owned()),
            "sslrootcert" => self.sslrootcert = Some(value.into()),
            "sslcert" => self.sslcert = Some(value.into()),
            "sslkey" => self.sslkey = Some(value.into()),
            "sslsni" => self.sni = Some(value != "0"),
            "ssl_min_protocol_version" => match value {
                "TLSv1" | "TLSv1.1" | "TLSv1.2" => {}
                "TLSv1.3" => self.tls13_only = true,
                _ => return Err(expected(name, "TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3")),
            },
            "ssl_max_protocol_version" => match value {
                "TLSv1.3" => {}
                "TLSv1.2" => self.tls12_only = true,
                "TLSv1" | "TLSv1.1" => {
                    return Err(refused(name, "TLS before 1.2 is not supported: remove it"));
                }
                _ => return Err(expected(name, "TLSv1.2 or TLSv1.3")),
            },
            "sslnegotiation" => drop(self.config.ssl_negotiation(match value {
                "postgres" => SslNegotiation::Postgres,
                "direct" => SslNegotiation::Direct,
                _ => return Err(expected(name, "postgres or direct")),
            })),
            "channel_binding" => drop(self.config.channel_binding(match value {
                "disable" => ChannelBinding::Disable,
                "prefer" => ChannelBinding::Prefer,
                "require" => ChannelBinding::Require,
                _ => return Err(expected(name, "disable, prefer or require")),
            })),
            // Nothing is ever compressed, as in libpq with current OpenSSL.
            "sslcompression" | "requiressl" => {}
            "sslcertmode" if value == "disable" => self.no_certificate = true,
            "sslcertmode" if value == "allow" => {}
            "sslpassword" => {
                return Err(refused(
                    name,
                    "store the key of sslkey unencrypted, mode 0600",
                ));
            }
            "sslcrl" | "sslcrldir" => {
                return Err(refused(name, "revocation lists are not checked: remove it"));
            }
            _ => return check_fixed(name, value),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Address, String> {
        if self.hosts == 0 {
            self.config.host(default_host());
        }
        if self.config.get_application_name().is_none()
            && let Some(name) = &self.fallback_name
        {
            self.config.application_name(name);
        }
        // With several hosts, one of which may be a standby, only a session that can write is useful.
        if self.hosts > 1 && !self.own_attributes {
            self.config
                .target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if !self.own_keepalives {
            self.config
                .keepalives_idle(SILENT)
                .keepalives_interval(SILENT / 3)
                .tcp_user_timeout(SILENT);
        } else if let Some(idle) = self.keepalives_idle {
            self.config.keepalives_idle(idle);
        }
        self.check_counts()?;
        let connect = self.connect_timeout.unwrap_or(CONNECT);
        self.config.connect_timeout(connect);
        self.read_passfile()?;
        let of_system = self.sslrootcert.as_deref() == Some(Path::new("system"));
        let mode = match self.sslmode.as_deref() {
            // As in libpq: with the system's authorities the name has to be checked too.
            None | Some("verify-full") if of_system => "verify-full",
            Some(_) if of_system => {
                let why = "with the value system it needs sslmode=verify-full";
                return Err(refused("sslrootcert", why));
            }
            mode => mode.unwrap_or("prefer"),
        };
        let is_socket = |host: &Host| matches!(host, Host::Unix(_));
        // As in libpq: a local socket needs no TLS.
        let mode = if self.config.get_hosts().iter().all(is_socket)
            && self.config.get_hostaddrs().is_empty()
        {
            "disable"
        } else {
            mode
        };
        let (ssl_mode, verify) = match (mode, &self.sslrootcert) {
            ("disable", _) => (SslMode::Disable, Verify::Nothing),
            ("verify-full", _) => (SslMode::Require, Verify::Name),
            // As in libpq: a given root certificate is verified.
            ("verify-ca", _) | ("require", Some(_)) => (SslMode::Require, Verify::Chain),
            ("require" | "allow", _) => (SslMode::Require, Verify::Nothing),
            _ => (SslMode::Prefer, Verify::Nothing),
        };
        self.config.ssl_mode(ssl_mode);
        let plain_first = mode == "allow";
        Ok(Address {
            plain_first,
            connect_within: connect * u32::try_from(self.hosts.max(1)).unwrap_or(u32::MAX),
            tls: self.tls_settings(verify)?,
            config: self.config,
        })
    }

    /// One port for all hosts, or one for each; and an address for each named host.
    fn check_counts(&self) -> Result<(), String> {
        let ports = self.config.get_ports().len();
        if ports > 1 && ports != self.hosts {
            let (ports, hosts) = (count(ports, "port"), count(self.hosts, "host"));
            return Err(format!("has {ports} for {hosts}"));
        }
        let (names, addresses) = (self.config.get_hosts(), self.config.get_hostaddrs());
        if !(names.is_empty() || addresses.is_empty() || names.len() == addresses.len()) {
            let (addresses, names) = (addresses.len(), count(names.len(), "host"));
            return Err(format!("has {addresses} of hostaddr for {names}"));
        }
        Ok(())
    }

    fn tls_settings(&mut self, verify: Verify) -> Result<TlsSettings, String> {
        let roots = match self.sslrootcert.take() {
            Some(path) if path != Path::new("system") => Roots::File(path),
            _ => Roots::System,
        };
        let certificate = match (self.sslcert.take(), self.sslkey.take()) {
            _ if self.no_certificate => None,
            (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err("has the parameter sslcert without sslkey".to_owned()),
            (None, Some(_)) => return Err("has the parameter sslkey without sslcert".to_owned()),
        };
        Ok(TlsSettings {
            verify,
            roots,
            certificate,
            sni: self.sni.unwrap_or(true),
            tls13_only: self.tls13_only,
            tls12_only: self.tls12_only,
        })
    }

    /// `passfile` contains lines of `host:port:dbname:user:password`; `*` matches anything.
    fn read_passfile(&mut self) -> Result<(), String> {
        let Some(path) = self.passfile.take() else {
            return Ok(());
        };
        if self.config.get_password().is_some() {
            return Ok(());
        }
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let path = path.display();
            format!("has the parameter passfile, but {path} cannot be read: {error}")
        })?;
        let port = self.config.get_ports().first().unwrap_or(&5432).to_string();
        let user = self.config.get_user().unwrap_or_default().to_owned();
        let name = self.config.get_dbname().unwrap_or(&user).to_owned();
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(_)) | None => "localhost".to_owned(),
        };
        let wanted = [host, port, name, user];
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields = passfile_fields(line);
            let mut compared = wanted.iter().zip(&fields);
            let fits = compared.all(|(wanted, field)| field == "*" || field == wanted);
            if let (true, Some(password)) = (fits, fields.get(4)) {
                self.config.password(password);
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The five fields of a line, in which `\:` and `\\` mean `:` and `\`.
fn passfile_fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == ':' && fields.len() < 5 {
            fields.push(String::new());
        } else if let (Some(field), Some(c)) = (
            fields.last_mut(),
            if c == '\\' { chars.next() } else { Some(c) },
        ) {
            field.push(c);
        }
    }
    fields
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Parameters with only one supported value, or none.
fn check_fixed(name: &str, value: &str) -> Result<(), String> {
    let accepted = match name {
        "client_encoding" => matches!(
            value.to_lowercase().as_str(),
            "utf8" | "utf-8" | "unicode" | "auto"
        ),
        "gssencmode" => value != "require",
        "krbsrvname" | "gsslib" | "gssdelegation" => true,
        "min_protocol_version" | "max_protocol_version" => matches!(value, "3.0" | "latest"),
        "replication" => matches!(value, "false" | "off" | "no" | "0"),
        _ => false,
    };
    if accepted {
        return Ok(());
    }
    let why = match name {
        "client_encoding" => "text is always UTF8: remove it",
        "gssencmode" => "GSSAPI is not supported: use sslmode=verify-full",
        "replication" => "replication connections are not supported: remove it",
        "min_protocol_version" | "max_protocol_version" => "the protocol is 3.0: remove it",
        "service" | "servicefile" => "write the parameters of the service into the address",
        "requirepeer" | "require_auth" => {
            "it is not supported: use sslmode=verify-full and channel_binding=require"
        }
        "sslcertmode" => "it is not supported: sslcert and sslkey are sent when the server asks",
        "scram_client_key" | "scram_server_key" => "it is not supported: set a password",
        _ if name.starts_with("oauth_") => "OAuth is not supported: set a password",
        _ => {
            let plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            let shown = if plain && name.len() <= 32 {
                name
            } else {
                "…"
            };
            return Err(format!(
                "has the parameter {shown}, which libpq does not have"
            ));
        }
    };
    Err(refused(name, why))
}

fn parsed<T: FromStr>(name: &str, value: &str, what: &str) -> Result<T, String> {
    value.trim().parse().map_err(|_| expected(name, what))
}

fn expected(name: &str, what: &str) -> String {
    format!("has an invalid value for the parameter {name}: expected {what}")
}

fn refused(name: &str, why: &str) -> String {
    format!("has the parameter {name}, which is refused: {why}")
}

/// libpq's default: the socket of the local server, if there is a folder for it.
fn default_host() -> &'static str {
    const FOLDER: &str = "/var/run/postgresql";
    if Path::new(FOLDER).is_dir() {
        FOLDER
    } else {
        "localhost"
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::Host;

    use super::*;

    fn with(query: &str) -> Result<Address, String> {
        parse(&format!("postgres://u:hunter2@h:1/d?{query}"))
    }

    #[test]
    fn every_connection_notices_that_its_network_hangs() {
        let config = with("").unwrap().config;
        assert!(config.get_keepalives());
        assert_eq!(config.get_keepalives_idle(), SILENT);
        assert_eq!(config.get_tcp_user_timeout(), Some(&SILENT));
        let config = with("keepalives_idle=7&keepalives_count=2").unwrap().config;
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(7));
        assert_eq!(config.get_tcp_user_timeout(), None);
        let config = with("tcp_user_timeout=1500").unwrap().config;
        assert_eq!(
            config.get_tcp_user_timeout(),
            Some(&Duration::from_millis(1500))
        );
    }

    #[test]
    fn sslmode_is_read_as_libpq_reads_it() {
        for (query, mode, verify) in [
            ("", SslMode::Prefer, Verify::Nothing),
            ("sslmode=disable", SslMode::Disable, Verify::Nothing),
            ("sslmode=allow", SslMode::Require, Verify::Nothing),
            ("sslmode=require", SslMode::Require, Verify::Nothing),
            (
                "sslmode=require&sslrootcert=/ca.pem",
                SslMode::Require,
                Verify::Chain,
            ),
            (
                "sslmode=verify-ca&application_name=x",
                SslMode::Require,
                Verify::Chain,
            ),
            (
                "sslmode=verify-full&sslrootcert=system",
                SslMode::Require,
                Verify::Name,
            ),
        ] {
            let address = with(query).unwrap();
            assert_eq!(
                (address.config.get_ssl_mode(), address.tls.verify),
                (mode, verify),
                "{query}"
            );
            assert_eq!(address.plain_first, query == "sslmode=allow");
            assert_eq!(address.config.get_dbname(), Some("d"));
        }
    }

    #[test]
    fn what_libpq_accepts_is_accepted() {
        for query in [
            "channel_binding=require",
            "connect_timeout=10&keepalives=1&gssencmode=prefer&sslcompression=0",
            "sslcert=/c.pem&sslkey=/k.pem&sslsni=1&ssl_min_protocol_version=TLSv1.2",
            "options=-c%20statement_timeout%3D5s&fallback_application_name=x&client_encoding=UTF8",
            "target_session_attrs=primary&load_balance_hosts=random&sslnegotiation=direct",
        ] {
            assert!(with(query).is_ok(), "{query}: {:?}", with(query).err());
        }
    }

    #[test]
    fn a_later_parameter_replaces_an_earlier_one() {
        let address = parse("postgres://u:p@localhost:1/d?host=/run/pg&port=2&user=v").unwrap();
        assert_eq!(address.config.get_hosts(), [Host::Unix("/run/pg".into())]);
        assert_eq!(address.config.get_ports(), [2]);
        assert_eq!(address.config.get_user(), Some("v"));
        assert_eq!(
            address.config.get_target_session_attrs(),
            TargetSessionAttrs::Any
        );
    }

    #[test]
    fn nothing_and_less_is_the_default_of_a_time() {
        for value in ["0", "-1"] {
            let address =
                with(&format!("connect_timeout={value}&keepalives_idle={value}")).unwrap();
            assert_eq!(address.connect_within, CONNECT);
            assert_eq!(address.config.get_tcp_user_timeout(), Some(&SILENT));
        }
        assert_eq!(
            with("connect_timeout=1").unwrap().connect_within.as_secs(),
            2
        );
    }

    #[test]
    fn the_systems_authorities_check_the_name_too() {
        let address = with("sslrootcert=system").unwrap();
        assert_eq!(address.tls.verify, Verify::Name);
        let error = with("sslrootcert=system&sslmode=require").unwrap_err();
        assert!(error.contains("needs sslmode=verify-full"), "{error}");
    }

    #[test]
    fn a_socket_is_used_without_tls() {
        let address = parse("host=/run/pg sslmode=verify-full dbname=d").unwrap();
        assert_eq!(address.config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn a_certificate_is_kept_back_where_that_is_asked() {
        let own = "sslcert=/c.pem&sslkey=/k.pem";
        assert!(with(own).unwrap().tls.certificate.is_some());
        let kept_back = with(&format!("{own}&sslcertmode=disable")).unwrap();
        assert!(kept_back.tls.certificate.is_none());
    }

    #[test]
    fn the_password_file_is_read_by_host_with_its_escapes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines = "# a comment\nother:*:*:*:wrong\nh:1:d:u:a\\:b\\\\c:d\n*:*:*:*:last\n";
        std::fs::write(file.path(), lines).unwrap();
        let of = |host: &str| {
            let file = file.path().display();
            let address = format!("host={host} port=1 user=u dbname=d passfile={file}");
            let password = parse(&address)
                .unwrap()
                .config
                .get_password()
                .map(<[u8]>::to_vec);
            String::from_utf8(password.unwrap()).unwrap()
        };
        assert_eq!(of("h"), "a:b\\c:d");
        assert_eq!(of("elsewhere"), "last");
    }

    #[test]
    fn several_hosts_and_socket_folders_are_taken() {
        let address = parse("postgres://a,b:2/d").unwrap();
        assert_eq!(address.config.get_hosts().len(), 2);
        assert_eq!(address.config.get_ports(), [5432, 2]);
        assert_eq!(
            address.config.get_target_session_attrs(),
            TargetSessionAttrs::ReadWrite
        );
        assert_eq!(address.connect_within, CONNECT * 2);
        let address = parse("host=/run/pg dbname=d").unwrap();
        assert_eq!(address.config.get_hosts(), [Host::Unix("/run/pg".into())]);
        assert_eq!(parse("postgres:///d").unwrap().config.get_hosts().len(), 1);
    }

    #[test]
    fn what_is_refused_is_named_with_the_reason_and_no_value() {
        for (query, expected) in [
            ("sslmode=hunter3", "sslmode: expected disable, allow"),
            (
                "connect_timeout=hunter3",
                "connect_timeout: expected a whole number",
            ),
            ("sslcrl=hunter3", "sslcrl, which is refused: revocation"),
            (
                "service=hunter3",
                "service, which is refused: write the parameters",
            ),
            ("target_session_attrs=standby", "the services write"),
            ("nonsense=hunter3", "nonsense, which libpq does not have"),
            ("sslcert=/hunter3", "sslcert without sslkey"),
            ("passfile=/nowhere", "passfile"),
            ("port=1,2", "2 ports for 1 host"),
            ("hostaddr=192.0.2.1,192.0.2.2", "2 of hostaddr for 1 host"),
            ("ssl_max_protocol_version=TLSv1.1", "TLS before 1.2"),
            ("ssl_min_protocol_version=hunter3", "expected TLSv1"),
        ] {
            let error = with(query).err();
            if query.starts_with("passfile") {
                assert_eq!(error, None, "a password wins over passfile");
                continue;
            }
            let error = error.unwrap();
            assert!(error.contains(expected), "{query}: {error}");
            assert!(!error.contains("hunter"), "{error}");
        }
        assert!(
            parse("postgres://u@h/d?passfile=/nowhere")
                .unwrap_err()
                .contains("passfile")
        );
    }

    #[test]
    fn a_passfile_is_read_where_there_is_no_password() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# x\n*:9:d:u:no\nh:1:d:u:pass:word\n").unwrap();
        let address = parse(&format!(
            "postgres://u@h:1/d?passfile={}",
            file.path().display()
        ));
        assert_eq!(
            address.unwrap().config.get_password(),
            Some(&b"pass:word"[..])
        );
    }
}
