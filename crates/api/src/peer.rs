//! Finds the user at the other end of a connection of this machine. Looks at the kernel's tables; decides nothing.
//!
//! The kernel is asked for the one socket whose ends are ours reversed (NETLINK_SOCK_DIAG, sock_diag(7)): one look-up
//! in its hash table, however many sockets there are. Where that is refused (no `tcp_diag`, a sandbox), its list is
//! read instead (`/proc/net/tcp`, proc(5)).
//!
//! A socket that no process holds any more is *reported as root's*: `sock_i_uid` answers 0 without a file, and so do
//! those that only wait to be forgotten (net/ipv4/inet_diag.c, `inet_twsk_diag_fill`). Both have inode 0, which is why
//! a socket without an inode has no owner here. Otherwise `connect`, `write`, `close` would make any user root.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as NetlinkAddr};
use nix::unistd::{Uid, User, getgrouplist};

use crate::admission::Peer;

/// A way to find the owner of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finder {
    /// One question to the kernel.
    Netlink,
    /// The kernel's list, read from its beginning.
    Proc,
    /// This machine does not say: every caller is a stranger.
    Blind,
}

/// Whose a socket is, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    uid: u32,
    inode: u64,
}

impl Finder {
    /// Returns a way that works on this machine: it is tried on a connection of our own.
    pub(crate) fn new() -> Self {
        let own = nix::unistd::geteuid().as_raw();
        let works = |finder: Self| -> io::Result<bool> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let client = TcpStream::connect(listener.local_addr()?)?;
            Ok(finder.uid(client.local_addr()?, listener.local_addr()?) == Some(own))
        };
        let found = [Self::Netlink, Self::Proc].into_iter().find(|finder| works(*finder).unwrap_or(false));
        found.unwrap_or(Self::Blind)
    }

    /// Returns the user who holds the other end of a connection, if a process of this network namespace does.
    ///
    /// Asked twice: a user counts only if the socket still had an owner *after* it was read, so that one that is let go
    /// of in between is not taken for root's.
    pub(crate) fn uid(self, peer: SocketAddr, local: SocketAddr) -> Option<u32> {
        let (peer, local) = (canonical(peer), canonical(local));
        let first = self.owner(peer, local)?;
        let second = self.owner(peer, local)?;
        (first == second && first.inode != 0).then_some(first.uid)
    }

    fn owner(self, peer: SocketAddr, local: SocketAddr) -> Option<Owner> {
        match self {
            Self::Netlink => ask(peer, local).ok().flatten(),
            Self::Proc => {
                let lists: &[&str] = if peer.is_ipv4() { &["tcp", "tcp6"] } else { &["tcp6"] };
                let read = |list: &&str| fs::read_to_string(format!("/proc/thread-self/net/{list}")).ok();
                lists.iter().filter_map(read).find_map(|list| listed(&list, peer, local))
            }
            Self::Blind => None,
        }
    }
}

/// Returns who a user is: its name, and its groups if they are asked for. May wait for a directory service.
pub(crate) fn known(uid: u32, with_groups: bool) -> Peer {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let groups = match &user {
        Some(user) if with_groups => std::ffi::CString::new(user.name.as_bytes())
            .ok()
            .and_then(|name| getgrouplist(&name, user.gid).ok())
            .unwrap_or_default(),
        _ => Vec::new(),
    };
    let groups = groups.into_iter().map(nix::unistd::Gid::as_raw).collect();
    Peer::User { uid, name: user.map(|user| user.name), groups }
}

/// A connection over IPv4 is one, whichever kind of socket its ends are.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// Asks the kernel for the socket from `peer` to `local`.
fn ask(peer: SocketAddr, local: SocketAddr) -> io::Result<Option<Owner>> {
    let scope = match peer {
        SocketAddr::V6(v6) => v6.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let socket_id = SocketId {
        source_port: peer.port(),
        destination_port: local.port(),
        source_address: peer.ip(),
        destination_address: local.ip(),
        interface_id: scope,
        cookie: [0xff; 8], // INET_DIAG_NOCOOKIE: whichever it is
    };
    let request = InetRequest {
        family: if peer.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all(),
        socket_id: socket_id.clone(),
    };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let mut packet = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);

    let socket = Socket::new(NETLINK_SOCK_DIAG)?;
    // The kernel has answered by the time that `send` returns; if not, there is nothing to wait for.
    socket.set_non_blocking(true)?;
    socket.connect(&NetlinkAddr::new(0, 0))?;
    socket.send(&bytes, 0)?;
    let mut answer = vec![0; 4096];
    let size = socket.recv(&mut &mut answer[..], 0)?;
    let answer = NetlinkMessage::<SockDiagMessage>::deserialize(&answer[..size]).map_err(io::Error::other)?;
    Ok(match answer.payload {
        NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) => {
            let id = &found.header.socket_id;
            // Where there is no such connection the kernel answers with a socket that listens at the address.
            let is_it = id.source_port == socket_id.source_port
                && id.destination_port == socket_id.destination_port
                && id.source_address.to_canonical() == socket_id.source_address
                && id.destination_address.to_canonical() == socket_id.destination_address;
            is_it.then_some(Owner { uid: found.header.uid, inode: found.header.inode.into() })
        }
        _ => None, // ENOENT: there is none here
    })
}

/// Looks for the socket from `peer` to `local` in a list of `/proc/net/tcp` or `tcp6`.
fn listed(list: &str, peer: SocketAddr, local: SocketAddr) -> Option<Owner> {
    list.lines().skip(1).find_map(|line| {
        // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (from, to) = (address(words.get(1)?)?, address(words.get(2)?)?);
        let owner = || Some(Owner { uid: words.get(7)?.parse().ok()?, inode: words.get(9)?.parse().ok()? });
        let is_it = (from, to) == ((peer.ip(), peer.port()), (local.ip(), local.port()));
        if is_it { owner() } else { None }
    })
}

/// Reads `0100007F:11D6`: the address in words of the machine's byte order, the port as it is read.
fn address(text: &str) -> Option<(IpAddr, u16)> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(ip.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip = match ip.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let mut bytes = [0; 16];
            for (i, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(i * 8)?);
            }
            IpAddr::from(bytes)
        }
        _ => return None,
    };
    Some((ip.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two ends of a connection, and the listener's end of it.
    fn connection(listen: &str, connect: &str) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(listen).unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(format!("{connect}:{port}")).unwrap();
        let (server, _) = listener.accept().unwrap();
        (client, server)
    }

    fn ends(server: &TcpStream) -> (SocketAddr, SocketAddr) {
        (server.peer_addr().unwrap(), server.local_addr().unwrap())
    }

    fn own() -> Option<u32> {
        Some(nix::unistd::geteuid().as_raw())
    }

    #[test]
    fn both_ways_find_the_owner_over_every_family() {
        assert_eq!(Finder::new(), Finder::Netlink, "this machine answers");
        let families = [
            ("127.0.0.1:0", "127.0.0.1"),
            ("[::1]:0", "[::1]"),
            ("[::]:0", "127.0.0.1"),
            ("[::]:0", "[::ffff:127.0.0.1]"),
        ];
        for (listen, connect) in families {
            let (_client, server) = connection(listen, connect);
            let (peer, local) = ends(&server);
            for finder in [Finder::Netlink, Finder::Proc] {
                assert_eq!(finder.uid(peer, local), own(), "{finder:?} {listen} {connect}");
            }
            assert_eq!(Finder::Blind.uid(peer, local), None);
        }
    }

    #[test]
    fn a_socket_that_was_closed_is_nobodys_and_not_roots() {
        for finder in [Finder::Netlink, Finder::Proc] {
            let (client, server) = connection("127.0.0.1:0", "127.0.0.1");
            let (peer, local) = ends(&server);
            drop(client); // its socket lives on until the server's end is closed too, as root's
            assert_eq!(finder.uid(peer, local), None, "{finder:?}, orphaned");
            drop(server);
            assert_eq!(finder.uid(peer, local), None, "{finder:?}, waiting to be forgotten");
        }
    }

    #[test]
    fn whoever_listens_at_a_callers_address_is_not_taken_for_the_caller() {
        // The connection from there does not exist; a socket that listens there does.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_client, server) = connection("127.0.0.1:0", "127.0.0.1");
        for finder in [Finder::Netlink, Finder::Proc] {
            assert_eq!(finder.uid(listener.local_addr().unwrap(), server.local_addr().unwrap()), None, "{finder:?}");
        }
    }

    #[test]
    fn the_kernels_list_is_read_in_its_own_order_of_bytes() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:1F90 0100007F:11D6 01 00000000:00000000 00:00000000 00000000  1001        0 4242 1 0 20 4 30 10 -1\n";
        let (peer, local) = ("127.0.0.1:8080".parse().unwrap(), "127.0.0.1:4566".parse().unwrap());
        if cfg!(target_endian = "little") {
            assert_eq!(listed(list, peer, local), Some(Owner { uid: 1001, inode: 4242 }));
        }
        assert_eq!(listed(list, local, peer), None);
        assert_eq!(listed("", peer, local), None);
    }

    #[test]
    fn groups_are_those_of_the_users_directory() {
        let Peer::User { name, groups, .. } = known(0, true) else { panic!("root is a user") };
        assert_eq!(name.as_deref(), Some("root"));
        assert!(groups.contains(&0), "{groups:?}");
        assert_eq!(known(4_000_000_000, true), Peer::User { uid: 4_000_000_000, name: None, groups: Vec::new() });
    }
}
