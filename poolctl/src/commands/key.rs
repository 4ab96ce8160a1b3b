//! `poolctl key`: random keys for the settings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::print;

/// Characters of a key: some 190 bits.
const LENGTH: usize = 32;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Bytes of an encryption key.
const BYTES: usize = 32;

/// Print a new random API key
#[derive(Debug, Args)]
pub(crate) struct Key {
    /// Print an encryption key instead: 32 bytes in base64
    #[arg(long)]
    encryption: bool,
}

impl Key {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        print(&if self.encryption {
            encryption_key()
        } else {
            api_key()
        })?;
        Ok(Exit::Done)
    }
}

/// Only letters and digits, so that no shell, `.env` file or URL needs quotes or escapes.
fn api_key() -> String {
    let alphabet = ALPHABET.map(char::from);
    nanoid::nanoid!(LENGTH, &alphabet)
}

fn encryption_key() -> String {
    let bytes: [u8; BYTES] = rand::random();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_plain_and_never_the_same() {
        let key = api_key();
        assert_eq!(key.len(), LENGTH);
        assert!(
            key.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{key}"
        );
        assert_ne!(key, api_key());
    }

    #[test]
    fn services_accepts_an_encryption_key() {
        let key = encryption_key();
        assert_eq!(STANDARD.decode(&key).unwrap().len(), BYTES);
        assert_ne!(key, encryption_key());
    }
}
