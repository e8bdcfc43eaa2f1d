//! Does a text match an ELB pattern, an address a CIDR block? Never allocates: it runs per request.

use std::net::IpAddr;

/// Returns whether the whole text matches: `*` is any run of bytes, `?` any one byte.
pub fn glob(pattern: &str, text: &str) -> bool {
    matches(pattern.as_bytes(), text.as_bytes(), |a, b| a == b)
}

/// As [`glob`], taking ASCII letters of either case as equal.
pub fn glob_ignoring_case(pattern: &str, text: &str) -> bool {
    matches(pattern.as_bytes(), text.as_bytes(), |a, b| a.eq_ignore_ascii_case(&b))
}

/// Backtracks to the last star only, so the cost is bounded by pattern × text.
fn matches(pattern: &[u8], text: &[u8], same: impl Fn(u8, u8) -> bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += 1;
            }
            Some(&c) if same(c, text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// An address block, e.g. `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    base: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Reads `address/bits`; none when it is not a block.
    pub fn parse(text: &str) -> Option<Self> {
        let (base, bits) = text.split_once('/')?;
        let base: IpAddr = base.parse().ok()?;
        let bits: u8 = bits.parse().ok()?;
        (bits <= if base.is_ipv4() { 32 } else { 128 }).then_some(Self { base, bits })
    }

    /// Returns whether the address lies in the block.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(a)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                (base.to_bits() ^ a.to_bits()) & mask == 0
            }
            (IpAddr::V6(base), IpAddr::V6(a)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                (base.to_bits() ^ a.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn star_is_any_run_and_question_mark_is_one() {
        for (pattern, text, wanted) in [
            ("/img/*", "/img/a/b.png", true),
            ("/img/*", "/img", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "example.com", false),
            ("/a?c", "/abc", true),
            ("/a?c", "/ac", false),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("*a*b*c", "xxaxxbxxbxxc", true),
            ("*a*b*c", "xxaxxc", false),
            ("/Img", "/img", false),
        ] {
            assert_eq!(glob(pattern, text), wanted, "{pattern} against {text}");
        }
        assert!(glob_ignoring_case("*.EXAMPLE.com", "a.example.COM"));
    }

    #[test]
    fn a_block_contains_its_addresses_only() {
        let check = |block: &str, address: &str| Cidr::parse(block).unwrap().contains(address.parse().unwrap());
        assert!(check("10.0.0.0/8", "10.255.1.2") && !check("10.0.0.0/8", "11.0.0.1"));
        assert!(check("0.0.0.0/0", "1.2.3.4") && check("1.2.3.4/32", "1.2.3.4"));
        assert!(check("2001:db8::/32", "2001:db8::1") && !check("2001:db8::/32", "10.0.0.1"));
        assert!(check("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert_eq!((Cidr::parse("10.0.0.0"), Cidr::parse("10.0.0.0/33"), Cidr::parse("x/8")), (None, None, None));
    }

    /// The definition, by recursion: slow and plainly right.
    fn defined(p: &[u8], t: &[u8]) -> bool {
        match (p.first(), t.first()) {
            (None, None) => true,
            (Some(b'*'), _) => defined(&p[1..], t) || (!t.is_empty() && defined(p, &t[1..])),
            (Some(b'?'), Some(_)) => defined(&p[1..], &t[1..]),
            (Some(a), Some(b)) if a == b => defined(&p[1..], &t[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(p in "[ab*?]{0,8}", t in "[ab]{0,10}") {
            prop_assert_eq!(glob(&p, &t), defined(p.as_bytes(), t.as_bytes()));
        }
    }
}
