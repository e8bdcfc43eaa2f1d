//! On cgroup v2: hands controllers down from the top, also where the top is not
//! the host's own but that of a cgroup namespace, as in a container.
//!
//! A group that holds processes cannot hand controllers down, except the host's
//! root (kernel: cgroup-v2.rst, "No Internal Process Constraint"). In a container
//! the processes sit right at the top, so they are moved into a group of their
//! own first. Docker-in-Docker (moby: `hack/dind`) and k3s do the same under the
//! same name.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// The group that the processes at the top are moved into.
const LEAF: &str = "init";
/// New processes may appear at the top while the others are moved.
const ROUNDS: usize = 50;

/// What a group needs before it hands down what is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: it does already.
    Done,
    /// Controllers to switch on.
    Enable(Vec<String>),
    /// The processes in it go elsewhere first. Controllers that were switched on
    /// beside them are switched off for that: they make every group below
    /// unusable ("domain invalid").
    MoveFirst { disable: Vec<String> },
}

/// Decides; `is_host_root` says that the group is the host's root, which is free of the rule.
fn next_step(wanted: &[&str], enabled: &str, is_host_root: bool, has_processes: bool) -> Step {
    let enabled: BTreeSet<&str> = enabled.split_whitespace().collect();
    let missing: Vec<String> =
        wanted.iter().filter(|name| !enabled.contains(*name)).map(|name| (*name).to_owned()).collect();
    if missing.is_empty() {
        Step::Done
    } else if has_processes && !is_host_root {
        Step::MoveFirst { disable: enabled.into_iter().map(str::to_owned).collect() }
    } else {
        Step::Enable(missing)
    }
}

/// Lets a group hand controllers down. Safe to repeat.
pub(super) fn hand_down(group: &Path, wanted: &[&str]) -> io::Result<()> {
    for _ in 0..ROUNDS {
        let control = group.join("cgroup.subtree_control");
        let enabled = read(&control)?;
        // The host's root is the only group without a type.
        let is_host_root = !group.join("cgroup.type").exists();
        let processes = if is_host_root { String::new() } else { read(&group.join("cgroup.procs"))? };
        match next_step(wanted, &enabled, is_host_root, !processes.trim().is_empty()) {
            Step::Done => return Ok(()),
            Step::Enable(missing) => {
                for name in missing {
                    write(&control, &format!("+{name}"))?;
                }
            }
            Step::MoveFirst { disable } => {
                for name in disable {
                    // One that is in use below stays; what follows says whether it matters.
                    let _ = fs::write(&control, format!("-{name}"));
                }
                move_out(group, &processes)?;
            }
        }
    }
    Err(io::Error::other(format!(
        "{}: processes go on appearing in this control group, so it cannot hand down {}",
        group.display(),
        wanted.join(", ")
    )))
}

fn move_out(group: &Path, processes: &str) -> io::Result<()> {
    let leaf = group.join(LEAF);
    fs::create_dir_all(&leaf).map_err(|error| naming(&leaf, error))?;
    for pid in processes.split_whitespace() {
        if pid == "0" {
            return Err(io::Error::other(format!(
                "{}: a process from outside of this container sits in it and cannot be moved",
                group.display()
            )));
        }
        match fs::write(leaf.join("cgroup.procs"), pid) {
            // It has ended meanwhile.
            Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => {}
            done => done.map_err(|error| naming(&leaf, error))?,
        }
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path).map_err(|error| naming(path, error))
}

fn write(path: &Path, value: &str) -> io::Result<()> {
    fs::write(path, value).map_err(|error| naming(path, error))
}

/// An error of the system says nothing about the file.
pub(super) fn naming(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(enabled: &str, is_host_root: bool, has_processes: bool, expected: &str) {
        let said = match next_step(&["cpu", "memory", "pids"], enabled, is_host_root, has_processes) {
            Step::Done => "done".to_owned(),
            Step::Enable(missing) => format!("enable {}", missing.join(" ")),
            Step::MoveFirst { disable } => format!("move, without {}", disable.join(" ")),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn processes_are_moved_only_where_they_are_in_the_way() {
        check("", true, true, "enable cpu memory pids");
        check("cpu pids", true, true, "enable memory");
        check("", false, false, "enable cpu memory pids");
        check("", false, true, "move, without ");
        check("cpu io memory pids", false, true, "done");
        // An earlier version got as far as the first controller.
        check("cpu", false, true, "move, without cpu");
    }

    /// Needs a version 2 hierarchy with a controller that no version 1 hierarchy has.
    #[test]
    fn a_group_with_processes_hands_controllers_down_once_they_are_moved() {
        testhost::needs_root!();
        let Some((root, controller, switched_on)) = hierarchy() else {
            panic!("this host has no cgroup v2 hierarchy with a controller to hand down");
        };
        let top = root.join(format!("mgtest-nesting-{}", std::process::id()));
        fs::create_dir_all(&top).unwrap();
        let mut sleeper = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        fs::write(top.join("cgroup.procs"), sleeper.id().to_string()).unwrap();
        let refused = fs::write(top.join("cgroup.subtree_control"), format!("+{controller}")).unwrap_err();
        let done = hand_down(&top, &[&controller]);
        let again = hand_down(&top, &[&controller]);
        let moved = fs::read_to_string(top.join(LEAF).join("cgroup.procs"));
        let enabled = fs::read_to_string(top.join("cgroup.subtree_control"));
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        fs::remove_dir(top.join(LEAF)).unwrap();
        fs::remove_dir(&top).unwrap();
        if switched_on {
            let _ = fs::write(root.join("cgroup.subtree_control"), format!("-{controller}"));
        }
        assert_eq!(refused.raw_os_error(), Some(nix::libc::EBUSY), "the rule is in force");
        done.unwrap();
        again.unwrap();
        assert_eq!(moved.unwrap().trim(), sleeper.id().to_string());
        assert_eq!(enabled.unwrap().trim(), controller);
    }

    fn hierarchy() -> Option<(std::path::PathBuf, String, bool)> {
        ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].iter().map(Path::new).find_map(|root| {
            let enabled = fs::read_to_string(root.join("cgroup.subtree_control")).ok()?;
            let all = fs::read_to_string(root.join("cgroup.controllers")).ok()?;
            // Domain controllers: those that the rule is about.
            let name = all.split_whitespace().find(|name| ["hugetlb", "memory", "io"].contains(name))?;
            let missing = !enabled.split_whitespace().any(|known| known == name);
            if missing {
                fs::write(root.join("cgroup.subtree_control"), format!("+{name}")).ok()?;
            }
            Some((root.to_owned(), name.to_owned(), missing))
        })
    }
}
