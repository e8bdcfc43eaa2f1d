//! What ECS shows of a task's network interface, for an address that one of the engines chose.

use std::net::Ipv4Addr;

use platform_core::world::Network;

/// Returns the attachment that belongs to an address: stable, so that asking twice answers the same.
pub(crate) fn network_of(address: Ipv4Addr) -> Network {
    let n = u32::from(address);
    let [_, b, c, d] = address.octets();
    Network {
        address,
        mac: format!("0a:58:0a:{b:02x}:{c:02x}:{d:02x}"),
        interface_id: format!("eni-{:017x}", u64::from(n) | 0x0a5_0000_0000),
        attachment_id: format!("{n:08x}-0000-4000-8000-{n:012x}"),
        subnet_id: "subnet-0a5800000000000aa".to_owned(),
    }
}
