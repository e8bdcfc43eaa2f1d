//! Makes `X-Amzn-Trace-Id` values, and the draws of weighted choices.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use http::HeaderValue;

static STATE: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().build_hasher().finish()));

/// Returns 64 bits that are unlike the last ones (SplitMix64). Not for secrets.
pub(crate) fn draw() -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = STATE.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns the trace header to send: a `Root` where there is none, else a `Self` before what
/// came (ALB guide, load-balancer-request-tracing).
pub(crate) fn header(came: Option<&HeaderValue>) -> HeaderValue {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let mut id = *b"1-00000000-000000000000000000000000";
    hex(&mut id[2..10], now);
    hex(&mut id[11..19], draw());
    hex(&mut id[19..35], draw());
    let mut value = Vec::with_capacity(48);
    match came {
        Some(came) if came.as_bytes().windows(5).any(|w| w == b"Root=") => {
            value.extend_from_slice(b"Self=");
            value.extend_from_slice(&id);
            value.push(b';');
            // A Self of an earlier balancer is replaced; the caller's own fields stay.
            for field in came.as_bytes().split(|b| *b == b';').filter(|f| !f.starts_with(b"Self=")) {
                value.extend_from_slice(field);
                value.push(b';');
            }
            value.pop();
        }
        _ => {
            value.extend_from_slice(b"Root=");
            value.extend_from_slice(&id);
        }
    }
    HeaderValue::from_maybe_shared(bytes::Bytes::from(value)).expect("made of hex digits and a valid header's bytes")
}

fn hex(into: &mut [u8], mut value: u64) {
    for digit in into.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_made_and_a_self_goes_before_what_came() {
        let made = header(None);
        let made = made.to_str().unwrap();
        assert!(made.starts_with("Root=1-") && made.len() == 40 && made.as_bytes()[15] == b'-', "{made}");
        let next = header(Some(&HeaderValue::from_static("Self=1-old;Root=1-67891233-abcdef012345678912345678;a=b")));
        let next = next.to_str().unwrap();
        assert!(
            next.starts_with("Self=1-") && next.ends_with(";Root=1-67891233-abcdef012345678912345678;a=b"),
            "{next}"
        );
        assert!(!next.contains("old"));
    }
}
