//! The shapes of IAM's identifiers (IAM user guide, "Unique identifiers": prefix and kind).

use crate::Cx;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn letters<const N: usize>(cx: &mut Cx<'_>, alphabet: &[u8; N], count: usize) -> String {
    (0..count).map(|_| alphabet[(cx.ids.next() % N as u64) as usize] as char).collect()
}

/// Returns `AROA...` and the like: 21 characters.
pub(crate) fn unique(prefix: &str, cx: &mut Cx<'_>) -> String {
    format!("{prefix}{}", letters(cx, BASE32, 17))
}

/// Returns `AKIA...` or `ASIA...`: 20 characters.
pub(crate) fn access_key(prefix: &str, cx: &mut Cx<'_>) -> String {
    format!("{prefix}{}", letters(cx, BASE32, 16))
}

/// Returns the 40 characters that belong to an access key.
pub(crate) fn secret_key(cx: &mut Cx<'_>) -> String {
    letters(cx, BASE64, 40)
}
