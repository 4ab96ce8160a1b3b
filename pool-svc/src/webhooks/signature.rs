//! Signing a message: HMAC-SHA256 over its id, the time and its body.

use agent_pool_core::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The prefix of a symmetric secret.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that we make.
const BYTES: usize = 32;

/// The key of an endpoint's signatures.
pub(crate) struct SigningKey(Vec<u8>);

impl SigningKey {
    /// Reads `whsec_` and the base64 of 24 to 64 bytes.
    pub(crate) fn parse(secret: &Secret) -> Result<Self, &'static str> {
        let expected = "expected whsec_ and the base64 of 24 to 64 bytes";
        let text = secret.expose().strip_prefix(PREFIX).ok_or(expected)?;
        let bytes = STANDARD.decode(text).map_err(|_| expected)?;
        if (24..=64).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(expected)
        }
    }

    /// The value of the header `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// A new random secret.
pub(crate) fn generate() -> Secret {
    let bytes: Vec<u8> = std::iter::repeat_with(rand::random::<u8>)
        .take(BYTES)
        .collect();
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `openssl dgst -sha256 -hmac`, over the same message.
    #[test]
    fn a_signature_is_the_hmac_of_id_time_and_body() {
        let secret = Secret::new(format!(
            "{PREFIX}{}",
            STANDARD.encode("0123456789abcdef01234567")
        ));
        let key = SigningKey::parse(&secret).unwrap();
        let signature = key.sign("msg_1", 1_700_000_000, r#"{"a":1}"#);
        assert_eq!(signature, "v1,WUgAXU8H0NQ1/7M+TtMwKma2b74a3/TCgekiM3YUdN8=");
    }

    #[test]
    fn a_new_secret_can_be_used_and_each_is_another() {
        let (one, other) = (generate(), generate());
        assert!(SigningKey::parse(&one).is_ok());
        assert_ne!(one.expose(), other.expose());
    }

    #[test]
    fn a_secret_of_another_form_is_refused() {
        for text in ["", "hunter2", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!"] {
            assert!(SigningKey::parse(&Secret::new(text)).is_err(), "{text}");
        }
    }
}
