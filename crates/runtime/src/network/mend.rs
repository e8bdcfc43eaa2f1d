//! Makes way through other firewalls where that is their documented way, and takes it back. Nothing is kept of
//! it: the rules name our bridge.

use std::process::{Command, Stdio};

use super::obstacles::{Mend, docker_rules};
use crate::host::find_program;

/// Makes way. Safe to repeat. The error says which command failed, and how.
pub(crate) fn mend(bridge: &str, mend: Mend) -> Result<(), String> {
    match mend {
        Mend::DockerUser => {
            for rule in docker_rules(bridge) {
                if iptables("-C", &rule).is_err() {
                    iptables("-I", &rule)?;
                }
            }
            Ok(())
        }
        Mend::Firewalld => {
            // If the bridge is already in a zone, the operator put it there on purpose.
            if firewalld(&format!("--get-zone-of-interface={bridge}")).is_ok() {
                return Err(format!("firewalld has {bridge} in a zone already, which does not let tasks through"));
            }
            firewalld_trusted("add", bridge)
        }
    }
}

/// Takes back all that [`mend`] may have done for a bridge. Safe to repeat.
pub(crate) fn unmend(bridge: &str) {
    if says("iptables", &["-w", "5", "-S", "DOCKER-USER"]).is_ok_and(|rules| rules.contains(&format!(" {bridge} "))) {
        for rule in docker_rules(bridge) {
            // The operator may have added it again by hand, as we advised.
            for _ in 0..10 {
                if iptables("-D", &rule).is_err() {
                    break;
                }
            }
        }
    }
    let runs = says("nft", &["list", "tables"]).is_ok_and(|tables| tables.contains(" firewalld"));
    if runs && let Err(error) = firewalld_trusted("remove", bridge) {
        tracing::debug!(error, "The bridge was not in firewalld's trusted zone.");
    }
}

fn firewalld_trusted(verb: &str, bridge: &str) -> Result<(), String> {
    let action = format!("--{verb}-interface={bridge}");
    says("firewall-cmd", &["--zone=trusted", &action]).map(drop)
}

fn firewalld(question: &str) -> Result<String, String> {
    says("firewall-cmd", &[question])
}

fn iptables(verb: &str, rule: &str) -> Result<(), String> {
    let mut arguments = vec!["-w", "5", verb, "DOCKER-USER"];
    arguments.extend(rule.split(' '));
    says("iptables", &arguments).map(drop)
}

/// Runs a program and returns what it prints, or what it says is wrong.
pub(crate) fn says(program: &str, arguments: &[&str]) -> Result<String, String> {
    let failed = |why: String| format!("`{program} {}` failed: {why}", arguments.join(" "));
    let path = find_program(program).ok_or_else(|| failed("it is not installed".to_owned()))?;
    let output = Command::new(path).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
