//! TLS to Postgres, according to the parameters of an address.

use std::path::PathBuf;
use std::sync::Arc;

use rustls_platform_verifier::Verifier;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::any_certificate::{AnyCertificate, TrustedCertificate};

/// What to verify of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing: hosted databases may have self-signed certificates.
    Nothing,
    /// That a trusted authority has signed it.
    Chain,
    /// That, and that it is valid for the host name.
    Name,
}

/// The trusted authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The system's.
    System,
    /// Those of a PEM file.
    File(PathBuf),
}

/// The client certificate: two PEM files.
#[derive(Debug, Clone)]
pub(super) struct ClientCertificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The options of TLS.
#[derive(Debug, Clone)]
pub(super) struct TlsSettings {
    pub(super) verify: Verify,
    pub(super) roots: Roots,
    pub(super) certificate: Option<ClientCertificate>,
    pub(super) sni: bool,
    pub(super) tls12_only: bool,
    pub(super) tls13_only: bool,
}

impl TlsSettings {
    /// A connector. The error names the invalid file.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions())
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(provider)?);
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let (chain, key) = own.read()?;
                let presented = builder.with_client_auth_cert(chain, key);
                presented
                    .map_err(|error| format!("sslcert and sslkey do not fit together: {error}"))?
            }
        };
        config.enable_sni = self.sni;
        // Required by `sslnegotiation=direct`, and harmless otherwise.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }

    const fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        const ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
        const ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];
        const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        match (self.tls12_only, self.tls13_only) {
            (true, _) => ONLY_12,
            (false, true) => ONLY_13,
            (false, false) => BOTH,
        }
    }

    fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let mut named = Vec::new();
        let chain: Arc<dyn ServerCertVerifier> = match (&self.verify, &self.roots) {
            (Verify::Nothing, _) => return Ok(Arc::new(AnyCertificate::new(provider))),
            (_, Roots::System) => {
                let system = Verifier::new(provider);
                Arc::new(system.map_err(|error| format!("the system's certificates: {error}"))?)
            }
            (_, Roots::File(path)) => {
                let mut roots = RootCertStore::empty();
                named = certificates(path)?;
                roots.add_parsable_certificates(named.clone());
                let built =
                    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
                built.map_err(|error| format!("sslrootcert {}: {error}", path.display()))?
            }
        };
        Ok(Arc::new(TrustedCertificate {
            chain,
            named,
            name_matters: self.verify == Verify::Name,
        }))
    }
}

impl ClientCertificate {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| format!("sslkey {} cannot be read: {error}", self.key.display()))?;
        Ok((certificates(&self.certificate)?, key))
    }
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: &dyn std::fmt::Display| {
        format!("{} contains no certificate: {error}", path.display())
    };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))?;
    let read = read
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(&error))?;
    if read.is_empty() {
        return Err(unreadable(&"it is empty"));
    }
    Ok(read)
}
