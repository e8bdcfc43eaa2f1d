//! Seals values: XChaCha20-Poly1305, bound to the secret and version that they belong to.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use crate::error::SecretError;
use crate::key::Key;
use crate::secret::{Version, row};
use crate::text::{SecretBytes, SecretText, SecretValue};

const NONCE: usize = 24;

impl Key {
    /// Returns nonce and ciphertext. The nonce is random: 192 bits never meet again.
    pub(crate) fn seal(&self, arn: &str, version: &str, value: &SecretValue) -> Result<Vec<u8>, SecretError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SecretError::Decryption)?;
        let bound = row(arn, version);
        let payload = Payload { msg: value.bytes(), aad: bound.as_bytes() };
        let sealed = XChaCha20Poly1305::new(self.bytes().into())
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| SecretError::Decryption)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens a version's value; fails when it was sealed for another secret or version.
    pub(crate) fn unseal(&self, arn: &str, version: &Version) -> Result<SecretValue, SecretError> {
        let (nonce, sealed) = version.sealed.split_at_checked(NONCE).ok_or(SecretError::Decryption)?;
        let bound = row(arn, &version.id);
        let clear = XChaCha20Poly1305::new(self.bytes().into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: bound.as_bytes() })
            .map_err(|_| SecretError::Decryption)?;
        if version.binary {
            return Ok(SecretValue::Binary(SecretBytes::new(clear)));
        }
        String::from_utf8(clear)
            .map(|text| SecretValue::Text(SecretText::new(text)))
            .map_err(|_| SecretError::Decryption)
    }
}
