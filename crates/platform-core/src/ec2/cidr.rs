//! Blocks of IPv4 addresses.

use std::net::Ipv4Addr;

/// A block, as `10.0.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cidr {
    first: u32,
    length: u8,
}

impl Cidr {
    /// Reads a block. Bits behind the prefix are dropped, as EC2 does it ("100.68.0.18/18" becomes "100.68.0.0/18";
    /// CreateVpc API reference).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let length: u8 = length.parse().ok().filter(|length| *length <= 32)?;
        Some(Self { first: u32::from(address) & Self::mask(length), length })
    }

    fn mask(length: u8) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
    }

    pub(super) fn length(self) -> u8 {
        self.length
    }

    /// Whether all addresses of the other block are in this one.
    pub(super) fn holds(self, other: Self) -> bool {
        other.length >= self.length && other.first & Self::mask(self.length) == self.first
    }

    /// Whether the blocks have an address in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.holds(other) || other.holds(self)
    }

    /// Addresses that a subnet of this block can give out: five are reserved (VPC guide, "Subnet sizing").
    pub(super) fn usable(self) -> u64 {
        (1_u64 << (32 - u32::from(self.length))).saturating_sub(5)
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap()
    }

    #[test]
    fn blocks_are_read_and_compared() {
        assert_eq!(cidr("100.68.0.18/18").to_string(), "100.68.0.0/18");
        assert!(cidr("10.0.0.0/16").holds(cidr("10.0.3.0/24")));
        assert!(!cidr("10.0.0.0/16").holds(cidr("10.1.0.0/24")));
        assert!(cidr("10.0.0.0/24").meets(cidr("10.0.0.128/25")));
        assert!(!cidr("10.0.0.0/25").meets(cidr("10.0.0.128/25")));
        assert_eq!(cidr("10.0.0.0/24").usable(), 251);
        assert!(cidr("0.0.0.0/0").holds(cidr("10.0.0.0/8")));
        for wrong in ["10.0.0.0", "10.0.0/8", "10.0.0.0/33", "x/8", ""] {
            assert!(Cidr::parse(wrong).is_none(), "{wrong}");
        }
    }
}
