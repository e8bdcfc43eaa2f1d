//! Which unit is this process in, and who else ends with it? Reads text; acts on nothing.

/// Returns the unit that a process belongs to, from the text of its `/proc/PID/cgroup`.
///
/// systemd keeps its units in the hierarchy without a number where that is the only one, and in the one
/// that is named after it where there are several (systemd, docs/CGROUP_DELEGATION.md).
pub(crate) fn unit_of(cgroup: &str) -> Option<&str> {
    let path_in = |hierarchy: &str| {
        cgroup.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (name, path) = rest.split_once(':')?;
            (name == hierarchy).then_some(path)
        })
    };
    let path = path_in("name=systemd").or_else(|| path_in(""))?;
    // A unit may have made groups of its own below the one that it was given.
    path.rsplit('/').find(|part| part.ends_with(".service") || part.ends_with(".scope"))
}

/// Whether what a platform starts would end together with the unit that it is in: all but the unit
/// that we wrote, which ends one process only. A session's scope ends at the logout
/// (logind.conf(5), KillUserProcesses=), a service with whatever its KillMode= says.
pub(crate) fn shares_fate(unit: Option<&str>, ours: &str) -> bool {
    unit.is_some_and(|unit| unit != ours && unit != "init.scope")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_found_on_every_layout() {
        let check = |text: &str, unit: Option<&str>| assert_eq!(unit_of(text), unit, "{text}");
        check("0::/user.slice/user-0.slice/session-3.scope\n", Some("session-3.scope"));
        check("0::/system.slice/managr.service\n", Some("managr.service"));
        check("0::/system.slice/managr.service/leaf\n", Some("managr.service"));
        check("0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n", Some("run-r1.scope"));
        check(
            "12:pids:/user.slice\n1:name=systemd:/user.slice/session-1.scope\n0::/x.service\n",
            Some("session-1.scope"),
        );
        check("5:memory:/a.service\n0::/\n", None);
        check("0::/\n", None);
        check("", None);
    }

    #[test]
    fn only_the_unit_that_we_wrote_leaves_others_running() {
        let check = |unit, shares| assert_eq!(shares_fate(unit, "managr.service"), shares, "{unit:?}");
        check(Some("session-3.scope"), true);
        check(Some("user@1000.service"), true);
        check(Some("managr-0badcafe.service"), true);
        check(Some("managr.service"), false);
        check(Some("init.scope"), false);
        check(None, false);
    }
}
