//! Seals values: XChaCha20-Poly1305, bound to the row that they are kept in.

use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use crate::error::SecretError;
use crate::key::Key;
use crate::secret::{Version, row};
use crate::text::{SecretBytes, SecretText, SecretValue};

const NONCE: usize = 24;

/// Seals values that other services keep, with the key of the secrets; cheap to clone.
#[derive(Clone)]
pub struct Sealer(pub(crate) Arc<Key>);

/// A value could not be sealed, or was not sealed with this key for this row.
#[derive(Debug, thiserror::Error)]
#[error("the sealed value does not open")]
pub struct Unsealable;

impl Sealer {
    /// Returns `clear`, readable again only with the same key and `row`.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn seal(&self, row: &str, clear: &SecretText) -> Result<Vec<u8>, Unsealable> {
        self.0.seal_bytes(row, clear.expose().as_bytes())
    }

    /// Opens what was sealed for `row`.
    ///
    /// # Errors
    /// When it was tampered with, or sealed with another key or for another row.
    pub fn unseal(&self, row: &str, sealed: &[u8]) -> Result<SecretText, Unsealable> {
        let clear = self.0.unseal_bytes(row, sealed)?;
        String::from_utf8(clear).map(SecretText::new).map_err(|_| Unsealable)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Key {
    /// Seals a version's value.
    pub(crate) fn seal(&self, arn: &str, version: &str, value: &SecretValue) -> Result<Vec<u8>, SecretError> {
        self.seal_bytes(&row(arn, version), value.bytes()).map_err(|_| SecretError::Decryption)
    }

    /// Opens a version's value; fails when it was sealed for another secret or version.
    pub(crate) fn unseal(&self, arn: &str, version: &Version) -> Result<SecretValue, SecretError> {
        let clear = self.unseal_bytes(&row(arn, &version.id), &version.sealed).map_err(|_| SecretError::Decryption)?;
        if version.binary {
            return Ok(SecretValue::Binary(SecretBytes::new(clear)));
        }
        String::from_utf8(clear)
            .map(|text| SecretValue::Text(SecretText::new(text)))
            .map_err(|_| SecretError::Decryption)
    }

    /// Returns nonce and ciphertext. The nonce is random: 192 bits never meet again.
    fn seal_bytes(&self, bound: &str, clear: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| Unsealable)?;
        let payload = Payload { msg: clear, aad: bound.as_bytes() };
        let sealed = XChaCha20Poly1305::new(self.bytes().into())
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| Unsealable)?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn unseal_bytes(&self, bound: &str, sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(Unsealable)?;
        XChaCha20Poly1305::new(self.bytes().into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: bound.as_bytes() })
            .map_err(|_| Unsealable)
    }
}
