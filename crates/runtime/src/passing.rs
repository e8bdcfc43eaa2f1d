//! A descriptor that travels with a message over a Unix socket. Receiving one
//! is [`crate::sys::receive`].

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

/// Sends a short message with a descriptor, whole or not at all; never waits.
pub(crate) fn send(socket: BorrowedFd<'_>, message: &[u8], descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let descriptors = [descriptor.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let sent = sendmsg::<UnixAddr>(socket.as_raw_fd(), &[IoSlice::new(message)], &rights, flags, None)?;
    if sent == message.len() { Ok(()) } else { Err(io::Error::other("the other side does not read")) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::sys;

    #[test]
    fn a_descriptor_arrives_with_its_message_and_is_open() {
        let (near, far) = UnixStream::pair().unwrap();
        let file = File::open("/proc/self/stat").unwrap();
        send(near.as_fd(), b"here", file.as_fd()).unwrap();
        drop((file, near));
        let mut buffer = [0; 16];
        let (count, received) = sys::receive(far.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"here");
        let mut text = String::new();
        File::from(received.unwrap()).read_to_string(&mut text).unwrap();
        assert!(text.starts_with(&std::process::id().to_string()));
        let (count, received) = sys::receive(far.as_fd(), &mut buffer).unwrap();
        assert!(count == 0 && received.is_none(), "the end");
    }

    #[test]
    fn does_not_wait_for_one_that_does_not_read() {
        let (near, _far) = UnixStream::pair().unwrap();
        let file = File::open("/dev/null").unwrap();
        let ended =
            std::iter::repeat_with(|| send(near.as_fd(), &[0; 4096], file.as_fd())).take(1000).find(Result::is_err);
        assert_eq!(ended.unwrap().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
