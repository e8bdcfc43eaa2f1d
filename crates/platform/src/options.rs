//! A platform's settings.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Who runs the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// Containers on this machine; needs root.
    Native,
    /// Nothing runs: tasks move through their states.
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

/// The settings with which a platform starts.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Names beside the loopback ones under which clients reach the API.
    pub hosts: Vec<String>,
    /// Who may use the platform beside root and the user as whom it runs.
    pub allow: Vec<api::Who>,
    /// Address that load-balancer listeners bind; their ports are the listeners' own.
    pub balancer_address: IpAddr,
    /// Where everything durable is kept; none keeps it in memory (simulated engine only).
    pub data_dir: Option<PathBuf>,
    /// Who runs the tasks.
    pub engine: EngineKind,
    /// Whether services may be made of what no task could run from here, because nothing ever runs: simulated engine
    /// only, for a deploy that is rehearsed in this process.
    pub keeps_documents: bool,
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
    /// Returns what is said at the start of a platform that others than this machine's users can reach: a line each.
    pub fn openings(&self) -> Vec<String> {
        let mut said = Vec::new();
        let is_open = self.allow.contains(&api::Who::Everybody);
        let address = self.listen;
        match (address.ip().to_canonical().is_loopback(), is_open) {
            (true, false) => {}
            (true, true) => said.push(format!(
                "every user of this machine may use this platform ({address}, --allow everybody): they can run \
                 containers, and read every secret and log in it"
            )),
            (false, true) => said.push(format!(
                "everyone who can reach {address} may use this platform (--allow everybody): they can run containers here, and \
                 read every secret and log in it; nothing is encrypted"
            )),
            (false, false) => said.push(format!(
                "{address} is reachable from other machines: requests from there are refused, unless the platform is \
                 started with --allow everybody"
            )),
        }
        let balancer = self.balancer_address;
        if self.engine == EngineKind::Native && !balancer.to_canonical().is_loopback() {
            said.push(format!(
                "load balancers listen on {balancer}: everyone who can reach it can use the applications"
            ));
        }
        said
    }

    /// Returns the default settings for an engine and a data directory.
    pub fn new(engine: EngineKind, data_dir: Option<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4566)),
            hosts: Vec::new(),
            allow: Vec::new(),
            balancer_address: Ipv4Addr::LOCALHOST.into(),
            data_dir,
            engine,
            keeps_documents: false,
            account: "123456789012".to_owned(),
            bridge: None,
            subnet: None,
            open_ports: Vec::new(),
            supervisor: Vec::new(),
            balancer: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, everybody: bool, words: &[&str]) {
        let mut options = ServeOptions::new(EngineKind::Simulated, None);
        options.listen = listen.parse().unwrap();
        options.allow.extend(everybody.then_some(api::Who::Everybody));
        let said = options.openings().join("\n");
        assert_eq!(said.is_empty(), words.is_empty(), "{said}");
        words.iter().for_each(|word| assert!(said.contains(word), "no `{word}` in {said}"));
    }

    #[test]
    fn a_platform_that_others_can_reach_says_so() {
        check("127.0.0.1:4566", false, &[]);
        check("[::1]:4566", false, &[]);
        check("127.0.0.1:4566", true, &["every user of this machine"]);
        check("0.0.0.0:4566", false, &["0.0.0.0:4566 is reachable", "refused", "--allow everybody"]);
        check("[::]:4566", false, &["refused"]);
        check("10.0.0.5:4566", true, &["everyone who can reach 10.0.0.5:4566", "run containers"]);
    }

    #[test]
    fn a_load_balancer_that_others_can_reach_is_told() {
        let mut options = ServeOptions::new(EngineKind::Native, None);
        assert!(options.openings().is_empty());
        options.balancer_address = Ipv4Addr::UNSPECIFIED.into();
        assert!(options.openings()[0].contains("load balancers listen on 0.0.0.0"));
    }
}
