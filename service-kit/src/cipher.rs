//! Encryption of secrets in a database.
//!
//! A sealed value is `xc1.` and the base64 of nonce and XChaCha20-Poly1305 ciphertext. The owner of the value (such as
//! instance, tool and variable) is authenticated with it, so that a value copied to another row does not open. A value
//! without that prefix was written without a key and is read as plain text; a plain value that could be mistaken for a
//! sealed one is written with the prefix `xc0.`.
//!
//! A fingerprint recognises a text without storing it. With a key it is an HMAC, so that a reader of the database
//! cannot test guesses.

use std::fmt;

use agent_pool_core::Secret;
use agent_pool_core::settings::SettingsError;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::{Aead, OsRng, Payload};
use chacha20poly1305::{AeadCore, KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The prefix of every sealed value; the digit is the version of the format.
const PREFIX: &str = "xc1.";
/// The prefix of a plain value that could be mistaken for a sealed one.
const PLAIN_PREFIX: &str = "xc0.";
const NONCE_BYTES: usize = 24;
/// Separates the keys of fingerprints from those that encrypt.
const FINGERPRINTS: &[u8] = b"agent-pool fingerprint 1";

/// The owner of a value: the parts of a path from the row to the value, such as instance, tool and variable. No part
/// contains a NUL.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a>(pub &'a [&'a str]);

impl Owner<'_> {
    /// Unambiguous, because no part contains a NUL.
    fn associated_data(&self) -> Vec<u8> {
        self.0.join("\0").into_bytes()
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// Why a value could not be sealed or opened. No message shows the value.
#[derive(Debug, thiserror::Error)]
pub enum CipherError {
    /// The value is larger than the cipher allows, which is many gigabytes.
    #[error("{0} could not be encrypted")]
    Seal(String),
    /// No key opens it: the keys or the row were changed.
    #[error("{owner} cannot be decrypted: {variable} lacks the key that it was encrypted with")]
    Open {
        /// The owner of the value.
        owner: String,
        /// The variable of the keys.
        variable: &'static str,
    },
}

/// The result of sealing stored values again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Values that were plain or sealed with an older key, and are now sealed with the first one.
    pub sealed: usize,
    /// Values that were already sealed with the first key.
    pub current: usize,
    /// Values that no key opens.
    pub lost: usize,
}

/// Seals and opens secrets with the keys of one variable.
#[derive(Clone)]
pub struct Cipher {
    variable: &'static str,
    /// The first key seals, all keys open. If there is none, values are stored in the clear.
    keys: Vec<Key>,
}

/// One parsed key: for encryption and for fingerprints.
#[derive(Clone)]
struct Key {
    cipher: XChaCha20Poly1305,
    fingerprints: Hmac<Sha256>,
}

impl Key {
    /// `None` if it does not have 32 bytes.
    fn read(bytes: &[u8]) -> Option<Self> {
        let cipher = XChaCha20Poly1305::new_from_slice(bytes).ok()?;
        let derived = mac(bytes)?.chain_update(FINGERPRINTS).finalize();
        let fingerprints = mac(&derived.into_bytes())?;
        Some(Self {
            cipher,
            fingerprints,
        })
    }
}

fn mac(key: &[u8]) -> Option<Hmac<Sha256>> {
    <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).ok()
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cipher({} keys)", self.keys.len())
    }
}

impl Cipher {
    /// Reads the comma-separated keys of `variable`, each the base64 of 32 bytes.
    ///
    /// # Errors
    /// Says which of them is malformed, by position.
    pub fn read(variable: &'static str, keys: Option<&Secret>) -> Result<Self, SettingsError> {
        let texts = keys.map_or("", Secret::expose);
        let texts = texts
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let keys = texts.enumerate().map(|(index, text)| {
            let bytes = STANDARD.decode(text).ok();
            bytes
                .and_then(|bytes| Key::read(&bytes))
                .ok_or_else(|| {
                    let problem = format!(
                        "has a key (number {}) that is not the base64 of 32 bytes: make one with `openssl rand -base64 32`",
                        index + 1
                    );
                    SettingsError::fault(variable, problem)
                })
        });
        Ok(Self {
            variable,
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// The variable of its keys.
    #[must_use]
    pub const fn variable(&self) -> &'static str {
        self.variable
    }

    /// The fingerprint to store for a text that only has to be recognised: an HMAC with the first key, or its SHA-256
    /// without a key.
    #[must_use]
    pub fn fingerprint(&self, text: &str) -> Vec<u8> {
        match self.keys.first() {
            Some(key) => keyed(key, text),
            None => Sha256::digest(text).to_vec(),
        }
    }

    /// Every fingerprint under which the text may be stored: one for each key, and the one without a key.
    #[must_use]
    pub fn fingerprints(&self, text: &str) -> Vec<Vec<u8>> {
        let mut all = self.keyed_fingerprints(text);
        all.push(Sha256::digest(text).to_vec());
        all
    }

    /// The fingerprints by which replicas that share a key recognise a text: one for each key, or the unkeyed one if
    /// there are no keys.
    #[must_use]
    pub fn shared_fingerprints(&self, text: &str) -> Vec<Vec<u8>> {
        if self.keys.is_empty() {
            return vec![self.fingerprint(text)];
        }
        self.keyed_fingerprints(text)
    }

    fn keyed_fingerprints(&self, text: &str) -> Vec<Vec<u8>> {
        self.keys.iter().map(|key| keyed(key, text)).collect()
    }

    /// Whether there is a key, so that secrets are encrypted.
    #[must_use]
    pub const fn encrypts(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Seals a secret for storage.
    ///
    /// # Errors
    /// [`CipherError::Seal`].
    pub fn seal(&self, owner: Owner<'_>, secret: &Secret) -> Result<String, CipherError> {
        let Some(key) = self.keys.first() else {
            return Ok(plain(secret.expose()));
        };
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload {
            msg: secret.expose().as_bytes(),
            aad: &owner.associated_data(),
        };
        let sealed = key
            .cipher
            .encrypt(&nonce, payload)
            .map_err(|_| CipherError::Seal(owner.to_string()))?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(format!("{PREFIX}{}", STANDARD_NO_PAD.encode(bytes)))
    }

    /// Opens a stored text.
    ///
    /// # Errors
    /// [`CipherError::Open`].
    pub fn open(&self, owner: Owner<'_>, text: &str) -> Result<Secret, CipherError> {
        let Some(sealed) = text.strip_prefix(PREFIX) else {
            return Ok(Secret::new(text.strip_prefix(PLAIN_PREFIX).unwrap_or(text)));
        };
        self.decrypt(&owner.associated_data(), sealed)
            .map(Secret::new)
            .ok_or_else(|| CipherError::Open {
                owner: owner.to_string(),
                variable: self.variable,
            })
    }

    /// The same secret, sealed with the first key. `None` if it already is, or there is no key.
    ///
    /// # Errors
    /// No key opens it.
    pub fn reseal(&self, owner: Owner<'_>, text: &str) -> Result<Option<String>, CipherError> {
        let Some(first) = self.keys.first() else {
            return Ok(None);
        };
        let newest = Self {
            variable: self.variable,
            keys: vec![first.clone()],
        };
        if text.starts_with(PREFIX) && newest.open(owner, text).is_ok() {
            return Ok(None);
        }
        let secret = self.open(owner, text)?;
        self.seal(owner, &secret).map(Some)
    }

    fn decrypt(&self, aad: &[u8], sealed: &str) -> Option<String> {
        let bytes = STANDARD_NO_PAD.decode(sealed).ok()?;
        let (nonce, msg) = bytes.split_at_checked(NONCE_BYTES)?;
        let nonce = XNonce::from_slice(nonce);
        let open = |key: &Key| key.cipher.decrypt(nonce, Payload { msg, aad }).ok();
        String::from_utf8(self.keys.iter().find_map(open)?).ok()
    }
}

fn keyed(key: &Key, text: &str) -> Vec<u8> {
    let mac = key.fingerprints.clone().chain_update(text);
    mac.finalize().into_bytes().to_vec()
}

/// A secret in the clear, written so that it is not read as a sealed one.
fn plain(secret: &str) -> String {
    let mistakable = [PREFIX, PLAIN_PREFIX].map(|prefix| secret.starts_with(prefix));
    let prefix = if mistakable.contains(&true) {
        PLAIN_PREFIX
    } else {
        ""
    };
    format!("{prefix}{secret}")
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

    fn owner_of(tool: &str) -> [&str; 3] {
        ["abcdefghijkl", tool, "A_KEY"]
    }

    fn seal(cipher: &Cipher) -> String {
        let secret = Secret::new("hunter2");
        cipher.seal(Owner(&owner_of("a")), &secret).unwrap()
    }

    fn open(cipher: &Cipher, tool: &str, text: &str) -> Result<Secret, CipherError> {
        cipher.open(Owner(&owner_of(tool)), text)
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
            error.starts_with("abcdefghijkl/b/A_KEY cannot be decrypted: KEY lacks"),
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
    fn a_value_is_resealed_with_the_first_key_once() {
        let old = seal(&cipher(&key(1)));
        let rotated = cipher(&format!("{}, {}", key(2), key(1)));
        let owner = owner_of("a");
        for text in [&old, "hunter2"] {
            let new = rotated.reseal(Owner(&owner), text).unwrap().unwrap();
            assert_eq!(
                open(&cipher(&key(2)), "a", &new).unwrap().expose(),
                "hunter2"
            );
            assert_eq!(rotated.reseal(Owner(&owner), &new).unwrap(), None);
        }
        assert!(cipher(&key(2)).reseal(Owner(&owner), &old).is_err());
        let none = Cipher::read("KEY", None).unwrap();
        assert_eq!(none.reseal(Owner(&owner), "hunter2").unwrap(), None);
    }

    #[test]
    fn a_fingerprint_is_keyed_and_found_again_after_a_rotation() {
        let none = Cipher::read("KEY", None).unwrap();
        let (old, new) = (cipher(&key(1)), cipher(&key(2)));
        let rotating = cipher(&format!("{},{}", key(2), key(1)));
        assert_eq!(
            none.fingerprint("a link"),
            Sha256::digest("a link").to_vec()
        );
        assert_ne!(old.fingerprint("a link"), none.fingerprint("a link"));
        assert_ne!(old.fingerprint("a link"), new.fingerprint("a link"));
        assert_ne!(old.fingerprint("a link"), old.fingerprint("another"));
        assert_eq!(rotating.fingerprint("a link"), new.fingerprint("a link"));
        let known = rotating.fingerprints("a link");
        for stored in [&none, &old, &new].map(|one| one.fingerprint("a link")) {
            assert!(known.contains(&stored));
        }
        let shared = rotating.shared_fingerprints("a link");
        assert_eq!(shared, [&new, &old].map(|one| one.fingerprint("a link")));
        assert_eq!(
            none.shared_fingerprints("a link"),
            [none.fingerprint("a link")]
        );
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
            let written = none.seal(Owner(&owner_of("a")), &secret).unwrap();
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
