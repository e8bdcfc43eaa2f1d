//! Which address does the next task get?

use std::collections::HashSet;
use std::net::Ipv4Addr;

use super::{NetworkError, TaskNetwork};

/// The addresses of a subnet. The first belongs to the bridge.
#[derive(Debug)]
pub(crate) struct AddressPool {
    base: u32,
    prefix: u8,
    taken: HashSet<u32>,
    last: u32,
}

impl AddressPool {
    pub(crate) fn new((base, prefix): (Ipv4Addr, u8)) -> Result<Self, NetworkError> {
        let refuse = |reason| NetworkError::Subnet { subnet: format!("{base}/{prefix}"), reason };
        if !(8..=29).contains(&prefix) {
            return Err(refuse("its prefix length is not between 8 and 29"));
        }
        if u32::from(base) & (u32::MAX >> prefix) != 0 {
            return Err(refuse("its address has host bits set"));
        }
        Ok(Self { base: base.into(), prefix, taken: HashSet::new(), last: 1 })
    }

    /// Takes an address that is free, the one that was free for longest first:
    /// others may still remember who had it.
    pub(crate) fn take(&mut self) -> Result<TaskNetwork, NetworkError> {
        let size = 1u32 << (32 - self.prefix);
        for step in 1..size {
            let host = (self.last + step) % size;
            if host >= 2 && host < size - 1 && self.taken.insert(host) {
                self.last = host;
                return Ok(self.network(host));
            }
        }
        let subnet = format!("{}/{}", Ipv4Addr::from(self.base), self.prefix);
        Err(NetworkError::Exhausted { subnet })
    }

    /// Marks the address of a known task as taken.
    pub(crate) fn claim(&mut self, address: Ipv4Addr) {
        let host = u32::from(address).wrapping_sub(self.base);
        self.taken.insert(host);
        self.last = self.last.max(host);
    }

    pub(crate) fn release(&mut self, address: Ipv4Addr) {
        self.taken.remove(&u32::from(address).wrapping_sub(self.base));
    }

    fn network(&self, host: u32) -> TaskNetwork {
        let address = Ipv4Addr::from(self.base + host);
        TaskNetwork {
            address,
            mac: mac_text(mac_of(address)),
            gateway: Ipv4Addr::from(self.base + 1),
            prefix: self.prefix,
        }
    }
}

/// Hardware address that belongs to an address, so that a reused address never meets a stale entry in a neighbour
/// table.
pub(crate) fn mac_of(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x0a, 0x58, a, b, c, d]
}

pub(crate) fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> AddressPool {
        AddressPool::new((Ipv4Addr::new(10, 9, 0, 0), 29)).unwrap()
    }

    #[test]
    fn gives_every_address_once_and_neither_gateway_nor_broadcast() {
        let mut pool = pool();
        let given: Vec<u8> = (0..5).map(|_| pool.take().unwrap().address.octets()[3]).collect();
        assert_eq!(given, [2, 3, 4, 5, 6]);
        assert!(matches!(pool.take(), Err(NetworkError::Exhausted { .. })));
    }

    #[test]
    fn reuses_a_released_address_last() {
        let mut pool = pool();
        let first = pool.take().unwrap().address;
        pool.release(first);
        assert_ne!(pool.take().unwrap().address, first);
    }

    #[test]
    fn leaves_claimed_addresses_alone() {
        let mut pool = pool();
        pool.claim(Ipv4Addr::new(10, 9, 0, 3));
        let given: Vec<u8> = (0..4).map(|_| pool.take().unwrap().address.octets()[3]).collect();
        assert_eq!(given, [4, 5, 6, 2]);
    }

    #[test]
    fn refuses_a_subnet_with_host_bits() {
        assert!(AddressPool::new((Ipv4Addr::new(10, 9, 0, 1), 16)).is_err());
        assert!(AddressPool::new((Ipv4Addr::new(10, 9, 0, 0), 31)).is_err());
    }
}
