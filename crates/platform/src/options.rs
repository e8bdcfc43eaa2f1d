//! A platform's settings.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Who runs the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// Containers on this machine; needs root.
    Native,
    /// Nobody: tasks move through their states and nothing runs.
    Simulated,
}

impl EngineKind {
    /// Returns the word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Simulated => "simulated",
        }
    }
}

/// What a platform is told when it starts.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Names beside the loopback ones under which clients reach the API.
    pub hosts: Vec<String>,
    /// Address that load-balancer listeners bind; their ports are the listeners' own.
    pub balancer_address: IpAddr,
    /// Where everything durable is kept; none keeps it in memory (simulated engine only).
    pub data_dir: Option<PathBuf>,
    /// Who runs the tasks.
    pub engine: EngineKind,
    /// Account, twelve digits.
    pub account: String,
    /// Name of the tasks' bridge; none to choose one, once, that is free.
    pub bridge: Option<String>,
    /// Network of the tasks and its prefix length; none to choose one, once, that is free.
    pub subnet: Option<(Ipv4Addr, u8)>,
    /// TCP ports of this machine that tasks may reach; all others are closed to them.
    pub open_ports: Vec<u16>,
    /// Command that runs a task's supervisor: our own binary and its hidden verb.
    pub supervisor: Vec<OsString>,
    /// Command that runs the load balancer: likewise.
    pub balancer: Vec<OsString>,
}

impl ServeOptions {
    /// Returns the settings of a platform that is told nothing else.
    pub fn new(engine: EngineKind, data_dir: Option<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4566)),
            hosts: Vec::new(),
            balancer_address: Ipv4Addr::LOCALHOST.into(),
            data_dir,
            engine,
            account: "123456789012".to_owned(),
            bridge: None,
            subnet: None,
            open_ports: Vec::new(),
            supervisor: Vec::new(),
            balancer: Vec::new(),
        }
    }
}
