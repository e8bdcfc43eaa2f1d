//! May whoever is at the other end of a connection use the platform? For listeners of the loopback beside the API.

use std::net::SocketAddr;

use crate::admission::{self, Peer, Policy};
use crate::peer::{self, Finder};

/// Lets in whom the API lets in.
#[derive(Debug, Clone)]
pub struct Gate {
    policy: Policy,
    finder: Finder,
}

impl Gate {
    /// Makes the gate of a platform.
    pub fn new(policy: Policy) -> Self {
        Self { policy, finder: Finder::new() }
    }

    /// Whether the connection from `peer` to `local` may come in. May wait for a directory service.
    pub fn admits(&self, peer: SocketAddr, local: SocketAddr) -> bool {
        if self.policy.is_open() {
            return true;
        }
        let Some(uid) = self.finder.uid(peer, local) else { return false };
        let bare = Peer::User { uid, name: None, groups: Vec::new() };
        admission::decide(&self.policy, &bare).is_ok()
            || admission::decide(&self.policy, &peer::known(uid, self.policy.asks_for_groups())).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn its_own_user_comes_in_and_a_connection_that_is_nobodys_does_not() {
        let gate = Gate::new(Policy::own());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        let local = server.local_addr().unwrap();
        assert!(gate.admits(peer, local));
        drop(client);
        assert!(!gate.admits(peer, local), "a socket that was closed is reported as root's");
    }
}
