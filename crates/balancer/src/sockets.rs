//! Listening sockets by address: what goes on accepting when the process that serves them does not.
//!
//! The balancer's process keeps a second descriptor of each, so that an address passes from one listener
//! to another without a gap; the platform keeps a third, so that the kernel goes on taking connections
//! in while a process that died is replaced. The next one serves them from the same backlog.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use crate::config::Config;

/// Sockets, each by the address that it says it listens on.
#[derive(Debug, Default)]
pub(crate) struct Sockets(BTreeMap<SocketAddr, TcpListener>);

impl Sockets {
    /// Keeps a socket under the address that it reports itself: a handover names none.
    pub(crate) fn keep(&mut self, socket: OwnedFd) {
        let socket = TcpListener::from(socket);
        // Fails only for what is no socket.
        if let Ok(address) = socket.local_addr() {
            self.0.insert(address, socket);
        }
    }

    /// Returns another descriptor of the socket of an address, if there is one.
    pub(crate) fn of(&self, address: SocketAddr) -> Option<TcpListener> {
        self.0.get(&address)?.try_clone().ok()
    }

    /// Returns another descriptor of each.
    pub(crate) fn all(&self) -> Vec<OwnedFd> {
        self.0.values().filter_map(|socket| Some(socket.try_clone().ok()?.into())).collect()
    }

    /// Lets those go that no listener has: as long as one is open anywhere, clients are not refused.
    pub(crate) fn keep_only(&mut self, config: &Config) {
        self.0.retain(|address, _| config.listeners.iter().any(|l| l.address == *address));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
