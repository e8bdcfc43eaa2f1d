//! Work inside a task's network namespace. A socket keeps the namespace it was
//! made in, so a thread enters, makes the socket and hands it out; no thread of
//! the platform ever stays there.

use std::fs::File;
use std::io;
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use rtnetlink::Handle;
use tokio::net::{TcpSocket, UdpSocket};

use super::NetworkError;
use super::link;

/// A new namespace, and netlink inside of it.
pub(crate) struct FreshNamespace {
    pub(crate) namespace: OwnedFd,
    pub(crate) handle: Handle,
}

/// Makes a TCP socket, not connected yet, in a namespace that is there.
pub(crate) async fn socket_in(namespace: File, family: AddressFamily) -> io::Result<TcpSocket> {
    let made = made_in(namespace, move || {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        Ok(socket(family, SockType::Stream, flags, None)?)
    });
    Ok(TcpSocket::from_std_stream(TcpStream::from(made.await?)))
}

/// Makes a socket for datagrams with an address, in a namespace that is there.
pub(crate) async fn datagrams_in(namespace: File, address: SocketAddrV4) -> io::Result<UdpSocket> {
    let made = made_in(namespace, move || {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    });
    UdpSocket::from_std(made.await?.into())
}

async fn made_in(namespace: File, make: impl FnOnce() -> io::Result<OwnedFd> + Send + 'static) -> io::Result<OwnedFd> {
    let (answer, made) = tokio::sync::oneshot::channel();
    let enter = move || -> io::Result<OwnedFd> {
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        make()
    };
    thread::Builder::new().name("netns".to_owned()).spawn(move || drop(answer.send(enter())))?;
    made.await.unwrap_or_else(|_| Err(io::Error::other("the thread ended early")))
}

/// Makes a namespace that lives for as long as it is held.
pub(crate) async fn create() -> Result<FreshNamespace, NetworkError> {
    let runtime = tokio::runtime::Handle::current();
    let (answer, made) = tokio::sync::oneshot::channel();
    thread::Builder::new()
        .name("netns".to_owned())
        .spawn(move || {
            let _entered = runtime.enter();
            let _ = answer.send(make());
        })
        .map_err(NetworkError::system("start a thread"))?;
    made.await
        .unwrap_or_else(|_| Err(io::Error::other("the thread ended early")))
        .map_err(NetworkError::system("make a network namespace"))
}

fn make() -> io::Result<FreshNamespace> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let namespace = File::open("/proc/thread-self/ns/net")?.into();
    // As Docker does: inside of a task any user may listen on any port.
    std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")?;
    // Tasks have no IPv6 beyond their loopback. A kernel without it has no such file.
    let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    Ok(FreshNamespace { namespace, handle: link::connect()? })
}
