//! Which capabilities does a container have? No I/O. Never more than Docker's default set and `SYS_PTRACE`, which is
//! what Fargate gives in every case.

use crate::wire::{Fault, FaultKind};

pub(super) const SETGID: u8 = 6;
pub(super) const SETUID: u8 = 7;
pub(super) const SETPCAP: u8 = 8;
pub(super) const SYS_CHROOT: u8 = 18;
pub(super) const SYS_PTRACE: u8 = 19;
pub(super) const SYS_ADMIN: u8 = 21;

/// What Docker gives to every container (`daemon/pkg/oci/caps/defaults.go`): number in the kernel,
/// name, all but `SYS_PTRACE` without being asked.
const GRANTABLE: [(u8, &str); 15] = [
    (0, "CHOWN"),
    (1, "DAC_OVERRIDE"),
    (3, "FOWNER"),
    (4, "FSETID"),
    (5, "KILL"),
    (SETGID, "SETGID"),
    (SETUID, "SETUID"),
    (SETPCAP, "SETPCAP"),
    (10, "NET_BIND_SERVICE"),
    (13, "NET_RAW"),
    (SYS_CHROOT, "SYS_CHROOT"),
    (SYS_PTRACE, "SYS_PTRACE"),
    (27, "MKNOD"),
    (29, "AUDIT_WRITE"),
    (31, "SETFCAP"),
];

/// A set of capabilities, as the kernel's bits.
pub(super) type Set = u64;

pub(super) const fn set(numbers: &[u8]) -> Set {
    let mut bits = 0;
    let mut index = 0;
    while index < numbers.len() {
        bits |= 1 << numbers[index];
        index += 1;
    }
    bits
}

pub(super) const fn has(set: Set, number: u8) -> bool {
    set >> number & 1 == 1
}

/// Returns what a container may have at most: the default set with what is added and without what
/// is dropped. `ours` is what we may hand out.
pub(super) fn granted(add: &[String], drop: &[String], ours: Set) -> Result<Set, Fault> {
    let mut bits = 0;
    if !drop.iter().any(|name| plain(name) == "ALL") {
        bits = GRANTABLE
            .iter()
            .filter(|(number, _)| *number != SYS_PTRACE)
            .fold(0, |bits, (number, _)| bits | 1 << number);
    }
    for name in drop {
        // Dropping is free: a capability that the set lacks is gone already.
        bits &= !number(name).map_or(0, |number| 1 << number);
    }
    for name in add {
        let number = number(name).ok_or_else(|| {
            let text = format!("capability `{name}` cannot be given to a container (only SYS_PTRACE can be added)");
            Fault::new(FaultKind::BadRequest, text)
        })?;
        bits |= 1 << number;
    }
    Ok(bits & ours)
}

/// Returns a set as an OCI configuration names it.
pub(super) fn names(set: Set) -> Vec<String> {
    let more = [(SYS_ADMIN, "SYS_ADMIN")];
    let known = GRANTABLE.iter().chain(&more);
    known.filter(|(number, _)| has(set, *number)).map(|(_, name)| format!("CAP_{name}")).collect()
}

fn plain(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}

fn number(name: &str) -> Option<u8> {
    let plain = plain(name);
    GRANTABLE.iter().find(|(_, known)| *known == plain).map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(add: &[&str], drop: &[&str], expected: &str) {
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let said = granted(&strings(add), &strings(drop), !set(&[13]))
            .map_or_else(|fault| format!("{:?}: {}", fault.kind, fault.message), |set| names(set).join(" "));
        assert_eq!(said.replace("CAP_", ""), expected, "+{add:?} -{drop:?}");
    }

    const DEFAULT: &str = "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE \
         SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP";

    #[test]
    fn gives_dockers_set_as_far_as_it_is_ours() {
        check(&[], &[], DEFAULT);
        check(&["NET_RAW"], &[], DEFAULT);
        check(&[], &["cap_chown"], DEFAULT.strip_prefix("CHOWN ").unwrap());
        check(&["CHOWN"], &["ALL"], "CHOWN");
        check(&["CAP_SYS_PTRACE"], &["ALL", "SYS_ADMIN", "NO_SUCH"], "SYS_PTRACE");
    }

    #[test]
    fn refuses_everything_else_whatever_it_is_called() {
        for name in
            ["ALL", "all", "CAP_ALL", "SYS_ADMIN", "cap_sys_module", "NET_ADMIN", "BPF", "DAC_READ_SEARCH", "", "CAP_"]
        {
            let shown = name.replace("CAP_", "");
            let text = format!("capability `{shown}` cannot be given to a container (only SYS_PTRACE can be added)");
            check(&["SYS_PTRACE", name], &[], &format!("BadRequest: {text}"));
        }
    }
}
