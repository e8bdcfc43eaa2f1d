//! Lets tasks reach the world and each other: one nft table of our own.
//! Touches no other table.

use std::io::Write;
use std::process::{Command, Stdio};

use super::NetworkError;
use crate::config::Config;
use crate::host::find_nft;

/// Makes the table anew, in one transaction. Safe to repeat.
pub(crate) fn ensure(config: &Config) -> Result<(), NetworkError> {
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").map_err(NetworkError::system("switch on ip_forward"))?;
    run(&rules(config))
}

/// Removes the table. Safe to repeat.
pub(crate) fn remove(config: &Config) -> Result<(), NetworkError> {
    // Adding first makes the removal succeed whether it was there or not.
    run(&format!("table ip {0} {{}}\ndelete table ip {0}\n", config.table()))
}

fn rules(config: &Config) -> String {
    let (table, bridge) = (config.table(), &config.bridge);
    let (subnet, prefix) = config.subnet;
    let gateway = config.gateway();
    let redirects: String = config
        .redirects
        .iter()
        .map(|r| {
            let (asked, port) = (r.asked.ip(), r.asked.port());
            format!("    iifname \"{bridge}\" ip daddr {asked} tcp dport {port} dnat to {gateway}:{}\n", r.port)
        })
        .collect();
    format!(
        "table ip {table} {{}}
delete table ip {table}
table ip {table} {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
{redirects}  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {subnet}/{prefix} oifname != \"{bridge}\" masquerade
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname \"{bridge}\" accept
    oifname \"{bridge}\" accept
  }}
}}
"
    )
}

fn run(rules: &str) -> Result<(), NetworkError> {
    let nft = find_nft()
        .ok_or_else(|| NetworkError::Firewall { reason: "nft is not installed (package nftables)".to_owned() })?;
    let mut child = Command::new(nft)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(NetworkError::system("run nft"))?;
    let fed = child.stdin.take().expect("stdin is piped").write_all(rules.as_bytes());
    let output = child.wait_with_output().map_err(NetworkError::system("wait for nft"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(NetworkError::Firewall { reason });
    }
    fed.map_err(NetworkError::system("hand the rules to nft"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Redirect;

    #[test]
    fn translates_only_what_leaves_the_bridge() {
        let config = Config {
            state_dir: "/s".into(),
            run_dir: "/r".into(),
            bridge: "br-x".into(),
            subnet: ("10.3.0.0".parse().unwrap(), 16),
            cgroup_parent: "p".into(),
            redirects: vec![Redirect { asked: "169.254.170.2:80".parse().unwrap(), port: 7000 }],
            supervisor: vec![],
        };
        let rules = rules(&config);
        assert!(rules.contains("ip saddr 10.3.0.0/16 oifname != \"br-x\" masquerade"));
        assert!(rules.contains("iifname \"br-x\" ip daddr 169.254.170.2 tcp dport 80 dnat to 10.3.0.1:7000"));
        assert!(rules.starts_with("table ip managr_br_x {}\ndelete table ip managr_br_x\n"));
    }
}
