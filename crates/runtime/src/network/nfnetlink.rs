//! The kernel's packet filter by netlink: a port's addresses go in and out of a
//! set without a process, and changes of the tables are heard.
//!
//! The layout of messages is that of `linux/netfilter/nfnetlink.h` and `nf_tables.h`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use tokio::io::unix::AsyncFd;

const SUBSYSTEM: u16 = 10; // NFNL_SUBSYS_NFTABLES
const BATCH_BEGIN: u16 = 0x10; // NFNL_MSG_BATCH_BEGIN
const BATCH_END: u16 = 0x11; // NFNL_MSG_BATCH_END
const DELETE_TABLE: u16 = 2; // NFT_MSG_DELTABLE
const DELETE_CHAIN: u16 = 5; // NFT_MSG_DELCHAIN
const DELETE_RULE: u16 = 8; // NFT_MSG_DELRULE
const NEW_ELEMENT: u16 = 12; // NFT_MSG_NEWSETELEM
const DELETE_ELEMENT: u16 = 14; // NFT_MSG_DELSETELEM
const BRIDGE: u8 = 7; // NFPROTO_BRIDGE
const NOTICES: u32 = 1 << (7 - 1); // NFNLGRP_NFTABLES
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE: u16 = 0x400;
const NESTED: u16 = 1 << 15;
const ERROR: u16 = 2; // NLMSG_ERROR

/// What is to happen to an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Remove,
}

/// Adds an element to a set of a bridge table, or removes it. The error is the kernel's.
pub(crate) fn change_element(table: &str, set: &str, key: &[u8], change: Change) -> io::Result<()> {
    let fd = open(0)?;
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::seconds(5))?;
    send(fd.as_raw_fd(), &batch(table, set, key, change), MsgFlags::empty())?;
    let mut answer = vec![0; 8192];
    loop {
        let count = recv(fd.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        for message in messages(&answer[..count]) {
            if message.kind == ERROR {
                let code = message.body.get(..4).map_or(0, |b| i32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
                return if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-code)) };
            }
        }
    }
}

/// Hears what is deleted from the packet filter.
pub(crate) struct Deletions {
    fd: AsyncFd<OwnedFd>,
}

impl Deletions {
    pub(crate) fn listen() -> io::Result<Self> {
        let fd = open(NOTICES)?;
        // A firewall that is made anew sends thousands of notices at once; some may be lost, see `next`.
        let _ = setsockopt(&fd, sockopt::RcvBuf, &(1 << 20));
        Ok(Self { fd: crate::sys::watch(fd)? })
    }

    /// Waits for a change, and returns whether something of a table may have been deleted.
    pub(crate) async fn next(&self, table: &str) -> io::Result<bool> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let mut ready = self.fd.readable().await?;
            match ready.try_io(|fd| Ok(recv(fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT)?)) {
                Ok(Ok(count)) => return Ok(deletes(&buffer[..count], table)),
                // Notices were lost: what they said is not known.
                Ok(Err(error)) if error.raw_os_error() == Some(nix::libc::ENOBUFS) => return Ok(true),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_not_ready) => {}
            }
        }
    }
}

fn open(groups: u32) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkNetFilter)?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(fd)
}

fn batch(table: &str, set: &str, key: &[u8], change: Change) -> Vec<u8> {
    let element = attribute(1 | NESTED, &attribute(1 | NESTED, &attribute(1, key)));
    let mut body = vec![BRIDGE, 0, 0, 0];
    body.extend(attribute(1, &terminated(table)));
    body.extend(attribute(2, &terminated(set)));
    body.extend(attribute(3 | NESTED, &element));
    let (kind, flags) = match change {
        Change::Add => (NEW_ELEMENT, REQUEST | ACK | CREATE),
        Change::Remove => (DELETE_ELEMENT, REQUEST | ACK),
    };
    let [high, low] = SUBSYSTEM.to_be_bytes();
    let edge = [0, 0, high, low];
    let mut batch = message(BATCH_BEGIN, REQUEST, 0, &edge);
    batch.extend(message(SUBSYSTEM << 8 | kind, flags, 1, &body));
    batch.extend(message(BATCH_END, REQUEST, 2, &edge));
    batch
}

fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).expect("our messages are short");
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).expect("our attributes are short");
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn terminated(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

struct Message<'a> {
    kind: u16,
    body: &'a [u8],
}

fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
        let body = bytes.get(16..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message { kind, body })
    })
}

/// Whether notices tell of something deleted that names a table. Its name is an
/// attribute of its own in each of them, with its zero byte.
fn deletes(notices: &[u8], table: &str) -> bool {
    let name = attribute(1, &terminated(table));
    messages(notices).any(|notice| {
        let deleted = [DELETE_TABLE, DELETE_CHAIN, DELETE_RULE].map(|kind| SUBSYSTEM << 8 | kind);
        deleted.contains(&notice.kind) && notice.body.get(4..).is_some_and(|rest| rest.starts_with(&name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hears_only_what_is_deleted_from_the_named_table() {
        let notice = |kind: u16, table: &str| {
            let body = [vec![2, 0, 0, 0], attribute(1, &terminated(table))].concat();
            message(SUBSYSTEM << 8 | kind, 0, 0, &body)
        };
        assert!(deletes(&notice(DELETE_TABLE, "managr_x"), "managr_x"));
        assert!(deletes(&[notice(1, "managr_x"), notice(DELETE_RULE, "managr_x")].concat(), "managr_x"));
        assert!(!deletes(&notice(DELETE_TABLE, "managr_x1"), "managr_x"));
        assert!(!deletes(&notice(6, "managr_x"), "managr_x"), "a new rule");
        for cut in 0..30 {
            let whole = notice(DELETE_TABLE, "managr_x");
            deletes(&whole[..cut.min(whole.len())], "managr_x");
        }
    }
}
