//! The checks, in the order in which they are run on one machine, and what each promises.

use std::time::Instant;

use crate::machine::PATIENCE;
use crate::report::CheckReport;
use crate::{Extent, Fault, Machine};

/// What happens to the machine in the middle of a check.
#[derive(Debug, Clone, Copy)]
pub enum Then {
    /// Nothing: the script is all.
    Nothing,
    /// It is restarted in order, and another script looks at what came back.
    Reboot(&'static str),
    /// Its power is cut, and another script looks at what came back.
    PowerCut(&'static str),
}

/// One promise about the product on a machine.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Name, for the command line and the report.
    pub name: &'static str,
    /// The least machine that can show it.
    pub extent: Extent,
    /// Whether CI's one short boot has it.
    pub in_short: bool,
    script: &'static str,
    then: Then,
}

const LIBRARY: &str = include_str!("../guest/lib.sh");

macro_rules! script {
    ($name:literal) => {
        include_str!(concat!("../checks/", $name, ".sh"))
    };
}

const fn check(name: &'static str, script: &'static str) -> Check {
    Check { name, extent: Extent::Small, in_short: false, script, then: Then::Nothing }
}

const fn short(check: Check) -> Check {
    Check { in_short: true, ..check }
}

const fn beside(check: Check) -> Check {
    Check { extent: Extent::Whole, ..check }
}

const fn then(check: Check, then: Then) -> Check {
    Check { then, ..check }
}

/// Everything, in an order in which a check finds what it needs: the last ones take the application away.
pub const CHECKS: &[Check] = &[
    short(check("start", script!("start"))),
    short(check("up", script!("up"))),
    short(check("devices", script!("devices"))),
    short(check("seccomp", script!("seccomp"))),
    short(check("cgroup", script!("cgroup"))),
    check("limits", script!("limits")),
    short(check("swap", script!("swap"))),
    short(check("users", script!("users"))),
    check("containers-and-api", script!("containers-and-api")),
    check("lan", script!("lan")),
    check("dns", script!("dns")),
    check("supervisor", script!("supervisor")),
    check("nftables", script!("nftables")),
    beside(check("ufw", script!("ufw"))),
    beside(check("firewalld", script!("firewalld"))),
    beside(check("docker", script!("docker"))),
    beside(check("docker-gone", script!("docker-gone"))),
    check("nested", script!("nested")),
    check("logout", script!("logout")),
    then(check("reboot", script!("reboot-before")), Then::Reboot(script!("reboot-after"))),
    then(check("power-cut", script!("power-cut-before")), Then::PowerCut(script!("power-cut-after"))),
    check("purge", script!("purge")),
];

/// Runs a check; a machine that goes away in the middle is a check that failed.
pub(crate) fn carry_out(check: &Check, machine: &mut Machine) -> CheckReport {
    let begun = Instant::now();
    let (passed, words) = match steps(check, machine) {
        Ok(verdict) => verdict,
        Err(Fault(words)) => (false, words),
    };
    let words = match passed {
        true => words.trim_end().lines().last().unwrap_or_default().to_owned(),
        false => words.trim_end().to_owned(),
    };
    CheckReport { name: check.name, passed, words, took: begun.elapsed() }
}

fn steps(check: &Check, machine: &mut Machine) -> Result<(bool, String), Fault> {
    let first = machine.run(&whole(check.script))?;
    let (how, second) = match check.then {
        _ if first.code != 0 => return Ok((false, first.text)),
        Then::Nothing => return Ok((true, first.text)),
        // A moment later, so that the answer is out before the agent is stopped.
        Then::Reboot(second) => ("systemd-run --quiet --on-active=1s systemctl reboot", second),
        // At once, with nothing written and no process warned.
        Then::PowerCut(second) => ("(sleep 1; echo b >/proc/sysrq-trigger) >/dev/null 2>&1 &", second),
    };
    machine.run(how)?;
    machine.await_boot()?;
    let second = machine.run(&whole(second))?;
    Ok((second.code == 0, second.text))
}

/// A script that hangs must not take the machine with it.
fn whole(script: &str) -> String {
    let seconds = PATIENCE.as_secs() - 30;
    let job = format!("{LIBRARY}\n{script}");
    format!(
        "cat >/run/check.sh <<'END-OF-CHECK'\n{job}\nEND-OF-CHECK\nexec timeout --foreground {seconds} bash /run/check.sh\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_nothing_follows_the_purge() {
        let mut names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(names.last(), Some(&"purge"));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHECKS.len());
    }

    #[test]
    fn the_short_boot_needs_nothing_beside_the_product() {
        assert!(CHECKS.iter().filter(|check| check.in_short).all(|check| check.extent == Extent::Small));
    }
}
