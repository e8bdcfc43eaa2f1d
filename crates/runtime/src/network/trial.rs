//! Can this kernel do what the tasks' network needs? Tried, in a network namespace that ends with the trial: what is
//! a module, built in or missing differs from host to host, and a container sees no list of modules.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use nix::sched::{CloneFlags, unshare};
use rtnetlink::{LinkBridge, LinkVeth};

use super::firewall;
use super::link;
use super::rules::{Ports, bridged, routed};
use crate::config::{Config, Redirect, Transport};

/// What came out: for each thing nothing, or what the kernel said.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    pub(crate) bridge: Option<String>,
    pub(crate) veth: Option<String>,
    pub(crate) rules: Option<String>,
    pub(crate) port_rules: Option<String>,
}

/// Tries everything. Nothing when no namespace can be made: root or a capability is missing.
pub(crate) fn run() -> Option<Trial> {
    let attempt = || -> io::Result<Trial> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        let config = config();
        let ports = Ports::from([(config.link_name("t"), Ipv4Addr::new(10, 0, 0, 2))]);
        let (bridge, veth) =
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(try_links())?;
        let failed = |rules: String| firewall::run(&rules).err().map(|error| error.to_string());
        let rules = failed(routed(&config, &["lo".to_owned()]));
        Ok(Trial { bridge, veth, rules, port_rules: failed(bridged(&config, &ports)) })
    };
    std::thread::spawn(attempt).join().ok()?.ok()
}

async fn try_links() -> io::Result<(Option<String>, Option<String>)> {
    let handle = link::connect()?;
    let said = |done: Result<(), rtnetlink::Error>| done.err().map(|error| error.to_string());
    let bridge = said(handle.link().add(LinkBridge::new("trial0").build()).execute().await);
    let veth = said(handle.link().add(LinkVeth::new("trial1", "trial2").build()).execute().await);
    Ok((bridge, veth))
}

fn config() -> Config {
    let asked = SocketAddrV4::new(Ipv4Addr::new(169, 254, 170, 2), 80);
    let redirect = |transport| Redirect { transport, asked, port: 1 };
    Config {
        state_dir: "/".into(),
        run_dir: "/".into(),
        bridge: "trial0".to_owned(),
        subnet: (Ipv4Addr::new(10, 0, 0, 0), 24),
        cgroup_parent: String::new(),
        redirects: vec![redirect(Transport::Tcp), redirect(Transport::Udp)],
        open_ports: vec![1],
        supervisor: Vec::<OsString>::new(),
    }
}
