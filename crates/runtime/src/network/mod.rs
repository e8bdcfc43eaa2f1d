//! The network of the tasks: one bridge, one address and namespace per task. No external program runs when a task
//! starts: nft runs at the start, and when another program removed our tables.

pub(crate) mod addresses;
pub(crate) mod firewall;
pub(crate) mod link;
pub(crate) mod machine;
pub(crate) mod mend;
pub(crate) mod names;
pub(crate) mod namespace;
mod nfnetlink;
pub(crate) mod obstacles;
pub(crate) mod probe;
pub(crate) mod rules;
pub(crate) mod trial;

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// Where a task is on the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskNetwork {
    /// Its address.
    pub address: Ipv4Addr,
    /// Hardware address of its `eth0`.
    pub mac: String,
    /// Its gateway; also an address of the platform's host.
    pub gateway: Ipv4Addr,
    /// Prefix length of its network.
    pub prefix: u8,
}

/// Why the network could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The kernel refused a change of links, addresses or routes.
    #[error("could not {action}: {reason}")]
    Netlink {
        /// What was tried.
        action: String,
        /// What the kernel said.
        reason: String,
    },
    /// A system call or file failed.
    #[error("could not {action}")]
    System {
        /// What was tried.
        action: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// nft refused the rules.
    #[error("nft refused the firewall rules: {reason}")]
    Firewall {
        /// What nft said.
        reason: String,
    },
    /// Every address is taken.
    #[error("no free address is left in {subnet}")]
    Exhausted {
        /// The network.
        subnet: String,
    },
    /// It could not be found out whether tasks get through.
    #[error("could not probe the tasks' network: {reason}")]
    Probe {
        /// Why.
        reason: String,
    },
    /// The bridge's name belongs to another program.
    #[error(
        "the link `{bridge}` is there already and is {whose}; choose another name with --bridge, or remove it with `ip link del {bridge}`"
    )]
    Bridge {
        /// Its name.
        bridge: String,
        /// Whose it is.
        whose: &'static str,
    },
    /// The subnet cannot be used.
    #[error("subnet {subnet} is not usable: {reason}")]
    Subnet {
        /// The network.
        subnet: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl NetworkError {
    pub(crate) fn system(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::System { action, source }
    }
    pub(crate) fn netlink(action: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> Self {
        let action = action.into();
        move |error| Self::Netlink { action, reason: error.to_string() }
    }
}
