//! Secrets at rest: what is written to the database instead of them.
//!
//! A sealed value is `xc1.` and the base64 of nonce and XChaCha20-Poly1305 ciphertext. Instance,
//! tool and variable are authenticated with it, so that a value copied to another row does not open.
//! A value without that beginning was written while there was no key, and is read as it stands; one
//! that would be mistaken for a sealed one is written behind `xc0.`.

use std::fmt;

use agent_pool_core::settings::SettingsError;
use agent_pool_core::{EnvName, InstanceId, Secret, ToolId};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::{Aead, OsRng, Payload};
use chacha20poly1305::{AeadCore, KeyInit, XChaCha20Poly1305, XNonce};

/// What every sealed value begins with; the digit is the version of the format.
const PREFIX: &str = "xc1.";
/// What a value in the clear begins with where it would be taken for something else.
const PLAIN_PREFIX: &str = "xc0.";
const NONCE_BYTES: usize = 24;

/// Whose value it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) instance: &'a InstanceId,
    pub(crate) tool: &'a ToolId,
    pub(crate) variable: &'a EnvName,
}

impl Owner<'_> {
    /// Unambiguous, since none of the three can have a NUL.
    fn associated_data(&self) -> Vec<u8> {
        [
            self.instance.as_str(),
            self.tool.as_str(),
            self.variable.as_str(),
        ]
        .join("\0")
        .into_bytes()
    }
}

/// Why a value could not be sealed or opened. Neither names the value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CipherError {
    /// The cipher refused, which only a value of many gigabytes makes it do.
    #[error("{0} could not be encrypted")]
    Seal(String),
    /// No key opens it: the keys were changed, or the row was.
    #[error(
        "{0} cannot be decrypted: SERVICES_ENCRYPTION_KEY lacks the key that it was encrypted with"
    )]
    Open(String),
}

/// Seals and opens secrets with the keys of `SERVICES_ENCRYPTION_KEY`.
pub(crate) struct Cipher {
    /// The first seals, all open. None: values are written as they are.
    keys: Vec<XChaCha20Poly1305>,
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cipher({} keys)", self.keys.len())
    }
}

impl Cipher {
    /// Reads a comma-separated list of keys, each the base64 of 32 bytes.
    ///
    /// # Errors
    /// Says which of them is malformed, by position.
    pub(crate) fn read(variable: &str, keys: Option<&Secret>) -> Result<Self, SettingsError> {
        let texts = keys.map_or("", Secret::expose);
        let texts = texts
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let keys = texts.enumerate().map(|(index, text)| {
            let bytes = STANDARD.decode(text).ok();
            bytes
                .and_then(|bytes| XChaCha20Poly1305::new_from_slice(&bytes).ok())
                .ok_or_else(|| {
                    let problem = format!(
                        "has a key (number {}) that is not the base64 of 32 bytes: make one with `openssl rand -base64 32`",
                        index + 1
                    );
                    SettingsError::fault(variable, problem)
                })
        });
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// Whether secrets are encrypted at rest.
    pub(crate) fn encrypts(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The text to write for a secret.
    pub(crate) fn seal(&self, owner: Owner<'_>, secret: &Secret) -> Result<String, CipherError> {
        let Some(key) = self.keys.first() else {
            return Ok(plain(secret.expose()));
        };
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload {
            msg: secret.expose().as_bytes(),
            aad: &owner.associated_data(),
        };
        let sealed = key
            .encrypt(&nonce, payload)
            .map_err(|_| CipherError::Seal(owner.to_string()))?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(format!("{PREFIX}{}", STANDARD_NO_PAD.encode(bytes)))
    }

    /// The secret of a text that was read.
    pub(crate) fn open(&self, owner: Owner<'_>, text: &str) -> Result<Secret, CipherError> {
        let Some(sealed) = text.strip_prefix(PREFIX) else {
            return Ok(Secret::new(text.strip_prefix(PLAIN_PREFIX).unwrap_or(text)));
        };
        self.decrypt(&owner.associated_data(), sealed)
            .map(Secret::new)
            .ok_or_else(|| CipherError::Open(owner.to_string()))
    }

    fn decrypt(&self, aad: &[u8], sealed: &str) -> Option<String> {
        let bytes = STANDARD_NO_PAD.decode(sealed).ok()?;
        let (nonce, msg) = bytes.split_at_checked(NONCE_BYTES)?;
        let nonce = XNonce::from_slice(nonce);
        let open = |key: &XChaCha20Poly1305| key.decrypt(nonce, Payload { msg, aad }).ok();
        String::from_utf8(self.keys.iter().find_map(open)?).ok()
    }
}

/// A secret in the clear, so that it is read as one.
fn plain(secret: &str) -> String {
    let mistakable = [PREFIX, PLAIN_PREFIX].map(|prefix| secret.starts_with(prefix));
    let prefix = if mistakable.contains(&true) {
        PLAIN_PREFIX
    } else {
        ""
    };
    format!("{prefix}{secret}")
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} for instance {}",
            self.variable, self.tool, self.instance
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> String {
        STANDARD.encode([byte; 32])
    }

    fn cipher(keys: &str) -> Cipher {
        Cipher::read("KEY", Some(&Secret::new(keys))).unwrap()
    }

    /// Runs `check` with an owner of this tool.
    fn of_tool<T>(tool: &str, check: impl Fn(Owner<'_>) -> T) -> T {
        check(Owner {
            instance: &"abcdefghijkl".parse().unwrap(),
            tool: &tool.parse().unwrap(),
            variable: &"A_KEY".parse().unwrap(),
        })
    }

    fn seal(cipher: &Cipher) -> String {
        of_tool("a", |owner| cipher.seal(owner, &Secret::new("hunter2"))).unwrap()
    }

    fn open(cipher: &Cipher, tool: &str, text: &str) -> Result<Secret, CipherError> {
        of_tool(tool, |owner| cipher.open(owner, text))
    }

    #[test]
    fn a_sealed_value_opens_again_and_is_never_the_same_twice() {
        let cipher = cipher(&key(1));
        let sealed = seal(&cipher);
        assert!(!sealed.contains("hunter2"));
        assert_ne!(sealed, seal(&cipher));
        assert_eq!(open(&cipher, "a", &sealed).unwrap(), Secret::new("hunter2"));
    }

    #[test]
    fn a_value_of_another_row_or_a_changed_one_does_not_open() {
        let cipher = cipher(&key(1));
        let sealed = seal(&cipher);
        let error = open(&cipher, "b", &sealed).unwrap_err().to_string();
        assert!(
            error.starts_with("A_KEY of b for instance abcdefghijkl cannot be decrypted"),
            "{error}"
        );
        for broken in ["xc1.", "xc1.AAAA", &sealed[..sealed.len() - 4]] {
            assert!(open(&cipher, "a", broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = seal(&cipher(&key(1)));
        let rotating = cipher(&format!("{}, {}", key(2), key(1)));
        assert!(open(&rotating, "a", &old).is_ok());
        let new = seal(&rotating);
        assert!(open(&cipher(&key(2)), "a", &new).is_ok());
        assert!(open(&cipher(&key(1)), "a", &new).is_err());
    }

    #[test]
    fn without_a_key_values_are_plain_and_stay_readable_with_one() {
        let plain = Cipher::read("KEY", None).unwrap();
        assert!(!plain.encrypts());
        assert_eq!(seal(&plain), "hunter2");
        assert!(open(&cipher(&key(1)), "a", "hunter2").is_ok());
        assert!(open(&plain, "a", &seal(&cipher(&key(1)))).is_err());
    }

    #[test]
    fn a_plain_value_that_looks_sealed_or_plain_is_read_as_it_was() {
        let none = Cipher::read("KEY", None).unwrap();
        for value in ["xc1.hunter2", "xc0.hunter2", "xc0.xc1.", "xc1."] {
            let secret = Secret::new(value);
            let written = of_tool("a", |owner| none.seal(owner, &secret)).unwrap();
            for reader in [&none, &cipher(&key(1))] {
                assert_eq!(open(reader, "a", &written).unwrap(), secret, "{value}");
            }
        }
    }

    #[test]
    fn a_malformed_key_is_named_by_its_place_and_not_shown() {
        let keys = Secret::new(format!("{},aHVudGVyMg==", key(1)));
        let error = Cipher::read("KEY", Some(&keys)).unwrap_err().to_string();
        assert!(
            error.starts_with("KEY has a key (number 2) that is not the base64 of 32 bytes"),
            "{error}"
        );
        assert!(!error.contains("aHVud"));
    }
}
