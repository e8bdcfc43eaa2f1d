//! Encrypts with a key, and finds the key in what was encrypted.
//!
//! What KMS returns is opaque to its clients. Here it is a format's number, the key's id, the material's number, a nonce and
//! an XChaCha20-Poly1305 ciphertext that is bound to the key and to the encryption context.

use std::collections::BTreeMap;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

/// The first byte of everything that is encrypted here.
const FORMAT: u8 = 1;
/// Bytes of a key's id, a UUID or `mrk-` and 32 hex digits; shorter ones are followed by zeroes.
const ID: usize = 40;
const NONCE: usize = 24;

/// A key's material. `Debug` shows nothing of it.
#[derive(Clone, Default)]
pub(crate) struct Secret(Arc<[u8; 32]>);

impl Secret {
    pub(crate) fn fresh() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(Arc::new(bytes)))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Arc::new(bytes.try_into().ok()?)))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0[..]
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a caller binds a ciphertext to. Its order does not matter (developer guide, "Encryption context").
pub(crate) type Context = BTreeMap<String, String>;

/// A ciphertext, taken apart.
pub(crate) struct Envelope<'c> {
    pub(crate) key: &'c str,
    pub(crate) material: u32,
    nonce: &'c [u8],
    sealed: &'c [u8],
}

/// Bound to: the head, and each pair with its lengths, so that no two contexts look alike.
fn bound(head: &[u8], context: &Context) -> Vec<u8> {
    let mut out = head.to_vec();
    for text in context.iter().flat_map(|(key, value)| [key, value]) {
        out.extend((text.len() as u64).to_be_bytes());
        out.extend(text.as_bytes());
    }
    out
}

fn head(key: &str, material: u32) -> Vec<u8> {
    let mut out = vec![FORMAT];
    out.extend(key.bytes().chain(std::iter::repeat(0)).take(ID));
    out.extend(material.to_be_bytes());
    out
}

/// Encrypts; none if there are no random bytes.
pub(crate) fn seal(secret: &Secret, key: &str, material: u32, context: &Context, clear: &[u8]) -> Option<Vec<u8>> {
    let head = head(key, material);
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).ok()?;
    let payload = Payload { msg: clear, aad: &bound(&head, context) };
    let sealed =
        XChaCha20Poly1305::new_from_slice(secret.bytes()).ok()?.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
    Some([&head[..], &nonce, &sealed].concat())
}

/// Takes a ciphertext apart; none if it is none of ours.
pub(crate) fn open(ciphertext: &[u8]) -> Option<Envelope<'_>> {
    let (&format, rest) = ciphertext.split_first()?;
    let (key, rest) = rest.split_at_checked(ID)?;
    let (material, rest) = rest.split_at_checked(4)?;
    let (nonce, sealed) = rest.split_at_checked(NONCE)?;
    let key = std::str::from_utf8(key).ok()?.trim_end_matches('\0');
    let material = u32::from_be_bytes(material.try_into().ok()?);
    (format == FORMAT).then_some(Envelope { key, material, nonce, sealed })
}

impl Envelope<'_> {
    /// Decrypts; none if it was changed, or belongs to another key or context.
    pub(crate) fn unseal(&self, secret: &Secret, context: &Context) -> Option<Vec<u8>> {
        let aad = bound(&head(self.key, self.material), context);
        let payload = Payload { msg: self.sealed, aad: &aad };
        XChaCha20Poly1305::new_from_slice(secret.bytes()).ok()?.decrypt(XNonce::from_slice(self.nonce), payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_the_same_key_and_context_open_what_was_encrypted(
            clear in prop::collection::vec(any::<u8>(), 1..64),
            context in prop::collection::btree_map(".{0,4}", ".{0,4}", 0..3),
            other in prop::collection::btree_map(".{0,4}", ".{0,4}", 0..3),
            flipped in any::<prop::sample::Index>(),
        ) {
            let secret = Secret::fresh().unwrap();
            let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
            let mut sealed = seal(&secret, id, 3, &context, &clear).unwrap();
            let opened = open(&sealed).unwrap();
            prop_assert_eq!((opened.key, opened.material), (id, 3));
            prop_assert_eq!(opened.unseal(&secret, &context), Some(clear.clone()));
            prop_assert_eq!(opened.unseal(&secret, &other).is_some(), context == other);
            prop_assert_eq!(opened.unseal(&Secret::fresh().unwrap(), &context), None);
            let at = flipped.index(sealed.len());
            sealed[at] ^= 1;
            prop_assert!(open(&sealed).is_none_or(|opened| opened.unseal(&secret, &context).is_none()));
        }
    }
}
