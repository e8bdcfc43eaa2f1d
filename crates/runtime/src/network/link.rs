//! Links, addresses and routes, by netlink.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

use futures_util::TryStreamExt;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute};
use rtnetlink::packet_route::neighbour::{NeighbourAttribute, NeighbourMessage};
use rtnetlink::{Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};

use super::addresses::mac_of;
use super::machine::{Owner, mark, owner_of_bridge};
use super::{NetworkError, TaskNetwork};
use crate::config::Config;

/// Links of the host's own namespace.
#[derive(Clone)]
pub(crate) struct HostLinks {
    handle: Handle,
    bridge: u32,
}

impl HostLinks {
    /// Makes the bridge with its address. Safe to repeat. A link of that name
    /// which is not this platform's is left alone, and an error.
    pub(crate) async fn ensure(config: &Config) -> Result<Self, NetworkError> {
        let handle = connect().map_err(NetworkError::system("open netlink"))?;
        let refuse = |whose| Err(NetworkError::Bridge { bridge: config.bridge.clone(), whose });
        match owner_of_bridge(config, &all(&handle).await?)? {
            Owner::Nobody | Owner::Us => {}
            Owner::AnotherPlatform => return refuse("the bridge of another platform"),
            Owner::Stranger => return refuse("not of managr's making"),
        }
        let bridge = match index_of(&handle, &config.bridge).await {
            Some(index) => index,
            None => {
                // A fixed address: by default a bridge takes that of its lowest
                // port, and would change it whenever a task comes or goes.
                let message = LinkBridge::new(&config.bridge).address(mac_of(config.gateway()).to_vec()).build();
                let added = handle.link().add(message).execute().await;
                match index_of(&handle, &config.bridge).await {
                    Some(index) => index,
                    None => {
                        added.map_err(NetworkError::netlink("make the bridge"))?;
                        return Err(NetworkError::Netlink {
                            action: "find the bridge".to_owned(),
                            reason: format!("{} is gone", config.bridge),
                        });
                    }
                }
            }
        };
        handle
            .address()
            .add(bridge, config.gateway().into(), config.subnet.1)
            .replace()
            .execute()
            .await
            .map_err(NetworkError::netlink("give the bridge its address"))?;
        let mark = mark(config).map_err(NetworkError::system("read the platform's own mark"))?;
        let mark = LinkAttribute::IfAlias(mark);
        let up = LinkUnspec::new_with_index(bridge).append_extra_attribute(mark).up().build();
        // The rules are about IPv4, and so is the tasks' network. A kernel without IPv6 has no such file.
        let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{}/disable_ipv6", config.bridge), "1");
        handle.link().change(up).execute().await.map_err(NetworkError::netlink("bring the bridge up"))?;
        Ok(Self { handle, bridge })
    }

    /// Makes the pair of links between the bridge and a task's namespace.
    pub(crate) async fn attach(
        &self,
        name: &str,
        namespace: BorrowedFd<'_>,
        address: Ipv4Addr,
    ) -> Result<(), NetworkError> {
        let message = || {
            let peer = LinkMessageBuilder::<LinkUnspec>::new()
                .name("eth0")
                .address(mac_of(address).to_vec())
                .setns_by_fd(namespace.as_raw_fd())
                .build();
            LinkVeth::new(name, "eth0")
                .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
                .controller(self.bridge)
                .up()
                .build()
        };
        // What this host sends to a task reaches the task, even if another machine claims its address.
        let neighbours = self.handle.neighbours();
        let neighbour = neighbours.add(self.bridge, address.into()).link_layer_address(&mac_of(address)).replace();
        neighbour.execute().await.map_err(NetworkError::netlink("make the task a fixed neighbour"))?;
        if self.handle.link().add(message()).execute().await.is_ok() {
            return Ok(());
        }
        // A link of that name is left over from an attempt that was cut short.
        remove_link(&self.handle, name).await?;
        self.handle
            .link()
            .add(message())
            .execute()
            .await
            .map_err(NetworkError::netlink("connect the task to the bridge"))
    }

    /// Removes a task's link. Safe to repeat.
    pub(crate) async fn detach(&self, name: &str, address: Option<Ipv4Addr>) -> Result<(), NetworkError> {
        if let Some(address) = address {
            let mut entry = NeighbourMessage::default();
            entry.header.family = AddressFamily::Inet;
            entry.header.ifindex = self.bridge;
            entry.attributes.push(NeighbourAttribute::Destination(address.into()));
            // One that stays is harmless: an address and its hardware address belong together for ever.
            let _ = self.handle.neighbours().del(entry).execute().await;
        }
        remove_link(&self.handle, name).await
    }
}

/// A link of this host as far as it matters to others.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) alias: String,
    pub(crate) mac: Vec<u8>,
}

/// Returns every link of the calling thread's namespace.
pub(crate) async fn seen() -> Result<Vec<Seen>, NetworkError> {
    all(&connect().map_err(NetworkError::system("open netlink"))?).await
}

async fn all(handle: &Handle) -> Result<Vec<Seen>, NetworkError> {
    let links: Vec<_> =
        handle.link().get().execute().try_collect().await.map_err(NetworkError::netlink("list the links"))?;
    let seen = links.into_iter().map(|link| {
        let mut seen = Seen::default();
        for attribute in link.attributes {
            match attribute {
                LinkAttribute::IfName(name) => seen.name = name,
                LinkAttribute::IfAlias(alias) => seen.alias = alias,
                LinkAttribute::Address(mac) => seen.mac = mac,
                _ => {}
            }
        }
        seen
    });
    Ok(seen.collect())
}

/// Removes a link of the host by name. Safe to repeat.
pub(crate) async fn remove_host_link(name: &str) -> Result<(), NetworkError> {
    let handle = connect().map_err(NetworkError::system("open netlink"))?;
    remove_link(&handle, name).await
}

/// Sets up a task's side, by a handle that was opened in its namespace.
pub(crate) async fn configure_task(handle: &Handle, network: &TaskNetwork) -> Result<(), NetworkError> {
    let eth0 = index_of(handle, "eth0").await.ok_or_else(|| NetworkError::Netlink {
        action: "find eth0 in the task".to_owned(),
        reason: "it is not there".to_owned(),
    })?;
    handle
        .address()
        .add(eth0, network.address.into(), network.prefix)
        .execute()
        .await
        .map_err(NetworkError::netlink("give the task its address"))?;
    for (index, what) in [(LOOPBACK, "lo"), (eth0, "eth0")] {
        handle
            .link()
            .change(LinkUnspec::new_with_index(index).up().build())
            .execute()
            .await
            .map_err(NetworkError::netlink(format!("bring {what} up in the task")))?;
    }
    // No other task on the bridge can impersonate the gateway.
    let gateway = handle.neighbours().add(eth0, network.gateway.into());
    let gateway = gateway.link_layer_address(&mac_of(network.gateway)).replace();
    gateway.execute().await.map_err(NetworkError::netlink("make the gateway a fixed neighbour of the task"))?;
    let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(network.gateway).build();
    handle.route().add(route).execute().await.map_err(NetworkError::netlink("add the task's default route"))
}

/// The loopback is the first link of every namespace.
const LOOPBACK: u32 = 1;

/// Opens netlink in the namespace of the calling thread. The socket stays in it.
pub(crate) fn connect() -> std::io::Result<Handle> {
    let (connection, handle, _) = rtnetlink::new_connection()?;
    tokio::spawn(connection);
    Ok(handle)
}

async fn index_of(handle: &Handle, name: &str) -> Option<u32> {
    let mut found = handle.link().get().match_name(name).execute();
    found.try_next().await.ok().flatten().map(|link| link.header.index)
}

async fn remove_link(handle: &Handle, name: &str) -> Result<(), NetworkError> {
    let Some(index) = index_of(handle, name).await else { return Ok(()) };
    match handle.link().del(index).execute().await {
        Ok(()) => Ok(()),
        Err(_) if index_of(handle, name).await.is_none() => Ok(()),
        Err(error) => Err(NetworkError::netlink(format!("remove link {name}"))(error)),
    }
}
