//! Blocks of addresses, of both families.

use std::net::IpAddr;

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cidr {
    address: IpAddr,
    length: u32,
}

impl Cidr {
    /// Reads a block; the refusals are Event Ruler's (`CIDR`).
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (address, length) = text.split_once('/').ok_or("Malformed CIDR, one '/' required")?;
        let address: IpAddr =
            address.parse().map_err(|_| format!("Malformed CIDR, unable to parse address: {text}"))?;
        let length: u32 = length.parse().map_err(|_| "Malformed CIDR, mask bits must be an integer")?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if length > most {
            return Err("Malformed CIDR, mask bits must be ".to_owned() + if most == 32 { "< 32" } else { "< 128" });
        }
        Ok(Self { address, length })
    }

    /// Whether a text is an address of the block.
    pub(super) fn takes(&self, text: &str) -> bool {
        match (self.address, text.parse()) {
            (IpAddr::V4(own), Ok(IpAddr::V4(other))) => {
                same(own.to_bits().into(), other.to_bits().into(), 32, self.length)
            }
            (IpAddr::V6(own), Ok(IpAddr::V6(other))) => same(own.to_bits(), other.to_bits(), 128, self.length),
            _ => false,
        }
    }
}

/// Whether the first `length` of `width` bits are the same.
fn same(a: u128, b: u128, width: u32, length: u32) -> bool {
    length == 0 || (a ^ b) >> (width - length) == 0
}
