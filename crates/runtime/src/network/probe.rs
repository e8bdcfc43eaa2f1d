//! Does a task get through, as this host is now? Asked with packets, not by reading rules: whatever is in
//! the way (nftables, iptables of either kind, something in the kernel), it is in the way of a probe too.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::AddressFamily;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, timeout};

use super::link::{self, HostLinks};
use super::namespace::{self, FreshNamespace};
use super::rules::NOWHERE;
use super::{NetworkError, TaskNetwork, firewall, firewall::Firewall};
use crate::config::{Config, Redirect, Transport};

/// How long each question may take. What gets through does so within a millisecond.
const PATIENCE: Duration = Duration::from_millis(1500);
const AGAIN: Duration = Duration::from_millis(100);

/// What gets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// From a task to other networks; not known where this host has no way to them itself.
    pub(crate) out: Option<bool>,
    /// From a task to another one.
    pub(crate) between: bool,
    /// What does not get from a task to this host, of what it answers.
    pub(crate) unanswered: Vec<Redirect>,
}

impl Reach {
    /// Whether nothing is in the way.
    pub(crate) fn is_free(&self) -> bool {
        self.out != Some(false) && self.between && self.unanswered.is_empty()
    }
}

/// The two ends of a probe: namespaces like those of tasks, which go with it.
pub(crate) struct Ends<'a> {
    pub(crate) config: &'a Config,
    pub(crate) links: &'a HostLinks,
    pub(crate) firewall: &'a Firewall,
}

impl Ends<'_> {
    /// Asks, from one address and to another. Leaves nothing.
    pub(crate) async fn probe(&self, from: &TaskNetwork, to: &TaskNetwork) -> Result<Reach, NetworkError> {
        // No task has such an id.
        let names = ["~from", "~to"].map(|id| self.config.link_name(id));
        let reach = self.ask(&names, from, to).await;
        for (name, network) in names.iter().zip([from, to]) {
            self.links.detach(name, Some(network.address)).await?;
            self.firewall.forget(name).await;
        }
        reach
    }

    async fn attach(&self, name: &str, network: &TaskNetwork) -> Result<FreshNamespace, NetworkError> {
        let fresh = namespace::create().await?;
        self.firewall.admit(name, network.address).await?;
        self.links.attach(name, fresh.namespace.as_fd(), network.address).await?;
        link::configure_task(&fresh.handle, network).await?;
        Ok(fresh)
    }

    async fn ask(&self, names: &[String; 2], from: &TaskNetwork, to: &TaskNetwork) -> Result<Reach, NetworkError> {
        let here = self.attach(&names[0], from).await?;
        let there = self.attach(&names[1], to).await?;
        let failed = |error| NetworkError::system("make a probe's socket")(error);
        let sender = datagrams(&here.namespace, from.address).await.map_err(failed)?;
        let receiver = datagrams(&there.namespace, to.address).await.map_err(failed)?;
        let at = receiver.local_addr().map_err(failed)?;
        let (out, between, unanswered) = tokio::join!(
            self.out(&here.namespace, from.address),
            arrives(&sender, &receiver, at),
            self.unanswered(&here.namespace, from.address),
        );
        Ok(Reach { out: out.map_err(failed)?, between, unanswered })
    }

    /// Whether a datagram to the world gets as far as this host's way out. There our own table counts
    /// it and ends it.
    async fn out(&self, namespace: &OwnedFd, from: Ipv4Addr) -> std::io::Result<Option<bool>> {
        let here = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        if here.connect(NOWHERE).await.is_err() {
            return Ok(None); // no route
        }
        let socket = datagrams(namespace, from).await?;
        let Some(before) = self.counted().await else { return Ok(None) };
        let deadline = Instant::now() + PATIENCE;
        loop {
            // An error tells of an earlier datagram: rejected.
            let _ = socket.send_to(b"probe", NOWHERE).await;
            sleep(Duration::from_millis(5)).await;
            match self.counted().await {
                None => return Ok(None),
                // Less than before: the table was made again meanwhile.
                Some(now) if now != before => return Ok(Some(true)),
                Some(_) if Instant::now() > deadline => return Ok(Some(false)),
                Some(_) => sleep(AGAIN).await,
            }
        }
    }

    async fn counted(&self) -> Option<u64> {
        let config = self.config.clone();
        tokio::task::spawn_blocking(move || firewall::probes_counted(&config)).await.ok().flatten()
    }

    async fn unanswered(&self, namespace: &OwnedFd, from: Ipv4Addr) -> Vec<Redirect> {
        let asked = self.config.redirects.iter().map(|redirect| async move {
            let answered = match redirect.transport {
                Transport::Tcp => connects(namespace, redirect.asked).await,
                Transport::Udp => answers(namespace, from, redirect.asked).await,
            };
            (!answered.unwrap_or(false)).then_some(*redirect)
        });
        futures_util::future::join_all(asked).await.into_iter().flatten().collect()
    }
}

async fn datagrams(namespace: &OwnedFd, address: Ipv4Addr) -> std::io::Result<UdpSocket> {
    namespace::datagrams_in(File::from(namespace.try_clone()?), SocketAddrV4::new(address, 0)).await
}

async fn arrives(sender: &UdpSocket, receiver: &UdpSocket, at: SocketAddr) -> bool {
    let send = async {
        loop {
            let _ = sender.send_to(b"probe", at).await;
            sleep(AGAIN).await;
        }
    };
    let mut buffer = [0; 16];
    // Dropping either loses nothing that is still needed.
    tokio::select! {
        () = send => false,
        received = timeout(PATIENCE, receiver.recv(&mut buffer)) => matches!(received, Ok(Ok(_))),
    }
}

async fn connects(namespace: &OwnedFd, asked: SocketAddrV4) -> std::io::Result<bool> {
    let socket = namespace::socket_in(File::from(namespace.try_clone()?), AddressFamily::Inet).await?;
    Ok(matches!(timeout(PATIENCE, socket.connect(asked.into())).await, Ok(Ok(_))))
}

/// Sends twelve zero bytes, which is a question for no name: a name server answers that it makes no sense.
async fn answers(namespace: &OwnedFd, from: Ipv4Addr, asked: SocketAddrV4) -> std::io::Result<bool> {
    let socket = datagrams(namespace, from).await?;
    socket.connect(asked).await?;
    let ask = async {
        loop {
            let _ = socket.send(&[0; 12]).await;
            sleep(AGAIN).await;
        }
    };
    let heard = async {
        let mut buffer = [0; 64];
        while socket.recv(&mut buffer).await.is_err() {
            sleep(AGAIN).await; // an earlier datagram was rejected
        }
    };
    // Dropping either loses nothing that is still needed.
    Ok(tokio::select! {
        () = ask => false,
        heard = timeout(PATIENCE, heard) => heard.is_ok(),
    })
}
