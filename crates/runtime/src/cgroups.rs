//! Control groups: one per task under our parent, one per container under the
//! task's. Never touches a group outside the parent, but for what [`nesting`] says.

mod ending;
mod layout;
mod nesting;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::devices;
use crate::spec::{ContainerSpec, TaskSpec};
use crate::sys;
pub(crate) use layout::Layout;
use nesting::{hand_down, naming};

/// Processor time is handed out in periods of this many microseconds.
const PERIOD_US: u64 = 100_000;
/// Controllers that limits are made of.
pub(crate) const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// Controllers of version 1 in which libcontainer makes a group for each container
/// (`libcgroups`, `v1/controller_type.rs`).
const OF_CONTAINERS: [&str; 12] = [
    "blkio",
    "cpu",
    "cpuacct",
    "cpuset",
    "devices",
    "freezer",
    "hugetlb",
    "memory",
    "net_cls",
    "net_prio",
    "perf_event",
    "pids",
];
/// Processes and threads that a task may have when it does not say. Fargate
/// documents no number; its smallest tasks are machines whose kernel stops at
/// about 4,000 threads. This is twice that, and a quarter of the 32,768 that
/// kernels have at least, so that one task cannot take the host's last.
pub(crate) const MOST_PROCESSES: u64 = 8192;

/// The control groups of one runtime.
#[derive(Clone, Debug)]
pub(crate) struct Cgroups {
    layout: Layout,
    parent: String,
    /// Loaded once: each counts against what a kernel before 5.11 lets root lock in memory.
    device_program: Arc<OnceLock<OwnedFd>>,
}

impl Cgroups {
    pub(crate) fn new(layout: Layout, parent: &str) -> Self {
        Self { layout, parent: parent.trim_matches('/').to_owned(), device_program: Arc::default() }
    }

    pub(crate) fn is_v2(&self) -> bool {
        matches!(self.layout, Layout::V2(_))
    }

    /// Path of a container's group as an OCI configuration names it.
    pub(crate) fn oci_path(&self, task: &str, container: &str) -> String {
        format!("/{}/{task}/{container}", self.parent)
    }

    /// Makes the parent of all groups, able to limit what is below. Safe to repeat.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        match &self.layout {
            Layout::V1(points) => {
                for point in CONTROLLERS.iter().filter_map(|name| points.get(*name)) {
                    make(&point.join(&self.parent))?;
                }
                if let Some(memory) = points.get("memory") {
                    // Older kernels count a group's children only when told so, before there are any.
                    let file = memory.join(&self.parent).join("memory.use_hierarchy");
                    if fs::read_to_string(&file).is_ok_and(|now| now.trim() == "0") {
                        fs::write(&file, "1").map_err(|error| naming(&file, error))?;
                    }
                }
                Ok(())
            }
            Layout::V2(root) => {
                let parent = root.join(&self.parent);
                hand_down(root, &CONTROLLERS)?;
                make(&parent)?;
                hand_down(&parent, &CONTROLLERS)
            }
        }
    }

    /// Makes a task's group and sets its limits. Safe to repeat.
    pub(crate) fn create_task(&self, spec: &TaskSpec) -> io::Result<()> {
        self.prepare()?;
        let quota = spec.cpu_millis.map(|millis| (u64::from(millis) * PERIOD_US / 1000).max(1000));
        let pids = spec.pids_limit.unwrap_or(MOST_PROCESSES);
        match &self.layout {
            Layout::V1(points) => {
                let group = |name: &str| points.get(name).map(|point| point.join(&self.parent).join(&spec.id));
                for group in CONTROLLERS.iter().filter_map(|name| group(name)) {
                    make(&group)?;
                }
                if let (Some(group), Some(quota)) = (group("cpu"), quota) {
                    write(&group, "cpu.cfs_period_us", PERIOD_US)?;
                    write(&group, "cpu.cfs_quota_us", quota)?;
                }
                if let (Some(group), Some(bytes)) = (group("memory"), spec.memory_bytes) {
                    write(&group, "memory.limit_in_bytes", bytes)?;
                    write_if_there(&group, "memory.memsw.limit_in_bytes", bytes)?;
                }
                if let Some(group) = group("pids") {
                    write(&group, "pids.max", pids)?;
                }
                Ok(())
            }
            Layout::V2(root) => {
                let group = root.join(&self.parent).join(&spec.id);
                make(&group)?;
                // First of all: from here on nothing in the group opens a device.
                self.guard_devices(&spec.id)?;
                hand_down(&group, &CONTROLLERS)?;
                if let Some(quota) = quota {
                    write(&group, "cpu.max", format!("{quota} {PERIOD_US}"))?;
                }
                if let Some(bytes) = spec.memory_bytes {
                    write(&group, "memory.max", bytes)?;
                }
                // A task on Fargate has no swap.
                write_if_there(&group, "memory.swap.max", 0)?;
                write(&group, "pids.max", pids)
            }
        }
    }

    /// Refuses the host's devices to a task. On cgroup v1 libcontainer does it for
    /// each container. Safe to repeat, also for a task that runs.
    pub(crate) fn guard_devices(&self, task: &str) -> io::Result<()> {
        let Layout::V2(root) = &self.layout else { return Ok(()) };
        let group = root.join(&self.parent).join(task);
        let guard = || -> io::Result<()> {
            let dir = File::open(&group)?;
            // Only this runtime attaches programs to its own groups.
            if sys::device_programs(dir.as_fd())? > 0 {
                return Ok(());
            }
            sys::attach_device_program(dir.as_fd(), self.device_program()?.as_fd())
        };
        guard().map_err(|error| {
            let text = format!("{}: the kernel refuses the program that keeps devices away: {error}", group.display());
            io::Error::new(error.kind(), text)
        })
    }

    fn device_program(&self) -> io::Result<&OwnedFd> {
        if let Some(loaded) = self.device_program.get() {
            return Ok(loaded);
        }
        let loaded = sys::load_device_program(&devices::program())?;
        Ok(self.device_program.get_or_init(|| loaded))
    }

    /// Makes a container's group where it has limits that libcontainer does not
    /// know or get right: none of its memory is swapped. libcontainer takes over
    /// a group that is there. Safe to repeat.
    pub(crate) fn prepare_container(&self, task: &str, spec: &ContainerSpec) -> io::Result<()> {
        let below = Path::new(&self.parent).join(task).join(&spec.name);
        match &self.layout {
            Layout::V1(points) => {
                let (Some(memory), Some(bytes)) = (points.get("memory"), spec.memory_bytes) else { return Ok(()) };
                let group = memory.join(&below);
                make(&group)?;
                // In this order: memory and swap together are never less than the memory.
                write(&group, "memory.limit_in_bytes", bytes)?;
                write_if_there(&group, "memory.memsw.limit_in_bytes", bytes)
            }
            Layout::V2(root) => {
                let group = root.join(&below);
                make(&group)?;
                write_if_there(&group, "memory.swap.max", 0)
            }
        }
    }

    /// Takes away, on cgroup v1, the devices that libcontainer allows beyond ours.
    /// Only once it has set its own rules, which would allow them again.
    pub(crate) fn deny_devices(&self, task: &str, container: &str) -> io::Result<()> {
        let Layout::V1(points) = &self.layout else { return Ok(()) };
        let Some(point) = points.get("devices") else { return Ok(()) };
        let group = point.join(&self.parent).join(task).join(container);
        devices::DENIED_ON_V1.iter().try_for_each(|rule| write(&group, "devices.deny", rule))
    }

    /// Returns a container's own groups on cgroup v1, by controller.
    pub(crate) fn groups_v1(&self, task: &str, container: &str) -> BTreeMap<String, PathBuf> {
        let Layout::V1(points) = &self.layout else { return BTreeMap::new() };
        let below = Path::new(&self.parent).join(task).join(container);
        let points = points.iter().filter(|(name, _)| OF_CONTAINERS.contains(&name.as_str()));
        points.map(|(name, point)| (name.clone(), point.join(&below))).collect()
    }

    /// Returns how often the kernel killed a process of the container for memory.
    pub(crate) fn oom_kills(&self, task: &str, container: &str) -> u64 {
        let (controller, file) = match self.layout {
            Layout::V1(_) => ("memory", "memory.oom_control"),
            Layout::V2(_) => ("memory", "memory.events"),
        };
        self.read(controller, task, Some(container), file).and_then(|text| keyed(&text, "oom_kill")).unwrap_or(0)
    }

    /// Reads a file of a group.
    pub(crate) fn read(&self, controller: &str, task: &str, container: Option<&str>, file: &str) -> Option<String> {
        let point = match &self.layout {
            Layout::V1(points) => points.get(controller)?,
            Layout::V2(root) => root,
        };
        let mut group = point.join(&self.parent).join(task);
        group.extend(container);
        fs::read_to_string(group.join(file)).ok()
    }

    /// Returns the files through which a process joins a container's groups.
    pub(crate) fn joining(&self, task: &str, container: &str) -> Vec<PathBuf> {
        let below = Path::new(&self.parent).join(task).join(container).join("cgroup.procs");
        self.points().into_iter().map(|point| point.join(&below)).filter(|file| file.exists()).collect()
    }

    /// Kills every process of a task and removes its groups. Safe to repeat.
    pub(crate) fn destroy_task(&self, task: &str) -> io::Result<()> {
        self.destroy(&Path::new(&self.parent).join(task))
    }

    /// Kills what is left of a container and removes its groups. Safe to repeat.
    pub(crate) fn destroy_container(&self, task: &str, container: &str) -> io::Result<()> {
        self.destroy(&Path::new(&self.parent).join(task).join(container))
    }

    /// Kills every process of every task and removes all groups with the parent.
    pub(crate) fn destroy_all(&self) -> io::Result<()> {
        self.destroy(Path::new(&self.parent))
    }

    /// Kills every process of a task; returns once they are gone.
    pub(crate) fn kill_task(&self, task: &str) -> io::Result<()> {
        ending::kill_all(&self.groups(&Path::new(&self.parent).join(task)))
    }

    /// Returns the processes of a task.
    pub(crate) fn processes(&self, task: &str) -> Vec<i32> {
        let groups = self.groups(&Path::new(&self.parent).join(task));
        let mut found: Vec<i32> = groups.iter().flat_map(|group| ending::processes(group)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Lets the processes of a task run, no matter who froze them: frozen they could not end.
    pub(crate) fn thaw_task(&self, task: &str) {
        for group in self.groups(&Path::new(&self.parent).join(task)) {
            ending::thaw(&group);
        }
    }

    fn destroy(&self, below: &Path) -> io::Result<()> {
        let groups = self.groups(below);
        let killed = ending::kill_all(&groups);
        for group in &groups {
            ending::remove(group).map_err(|error| naming(group, error))?;
        }
        killed
    }

    /// Returns where a group is, in every hierarchy.
    fn groups(&self, below: &Path) -> Vec<PathBuf> {
        self.points().into_iter().map(|point| point.join(below)).collect()
    }

    fn points(&self) -> BTreeSet<&PathBuf> {
        match &self.layout {
            Layout::V1(points) => points.values().collect(),
            Layout::V2(root) => [root].into(),
        }
    }
}

/// Whether the kernel would take the program that keeps devices away; changes nothing.
pub(crate) fn try_device_program() -> io::Result<()> {
    sys::load_device_program(&devices::program()).map(drop)
}

fn make(group: &Path) -> io::Result<()> {
    fs::create_dir_all(group).map_err(|error| naming(group, error))
}

fn write(group: &Path, file: &str, value: impl ToString) -> io::Result<()> {
    let path = group.join(file);
    fs::write(&path, value.to_string()).map_err(|error| naming(&path, error))
}

/// Writes a file that only some kernels have, such as one that counts swap.
fn write_if_there(group: &Path, file: &str, value: impl ToString) -> io::Result<()> {
    if group.join(file).exists() { write(group, file, value) } else { Ok(()) }
}

/// Returns the number behind a key in a file of `key number` lines.
pub(crate) fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == key)
        .and_then(|(_, value)| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use nix::sys::stat::{Mode, SFlag, makedev, mknod};

    use super::*;

    /// The host's own version 2 hierarchy; on a hybrid host there is one beside version 1.
    fn unified() -> PathBuf {
        let found = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        found.into_iter().find(|root| root.join("cgroup.controllers").exists()).expect("cgroup v2 is mounted somewhere")
    }

    /// A block device of the host that can be opened, by its numbers.
    fn disk(scratch: &Path) -> (u64, u64) {
        let numbers = fs::read_dir("/sys/class/block").unwrap().flatten().filter_map(|entry| {
            let text = fs::read_to_string(entry.path().join("dev")).ok()?;
            let (major, minor) = text.trim().split_once(':')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        });
        let opens = |(major, minor): &(u64, u64)| {
            let node = scratch.join("try");
            mknod(&node, SFlag::S_IFBLK, Mode::S_IRUSR, makedev(*major, *minor)).unwrap();
            let opened = File::open(&node).is_ok();
            fs::remove_file(node).unwrap();
            opened
        };
        numbers.into_iter().find(opens).expect("the host has a block device that root can open")
    }

    /// The kernel itself judges here: the program is loaded and set over a real group.
    #[test]
    fn on_version_two_a_process_of_a_task_opens_only_the_usual_devices() {
        testhost::needs_root!();
        let parent = format!("mgtest-devices-{}", std::process::id());
        let cgroups = Cgroups::new(Layout::V2(unified()), &parent);
        let group = unified().join(&parent).join("t");
        fs::create_dir_all(group.join("c")).unwrap();
        let nodes = tempfile::tempdir().unwrap();
        let node = |name: &str, sort: SFlag, major: u64, minor: u64| {
            mknod(&nodes.path().join(name), sort, Mode::from_bits_truncate(0o600), makedev(major, minor)).unwrap();
        };
        let (major, minor) = disk(nodes.path());
        node("disk", SFlag::S_IFBLK, major, minor);
        node("null", SFlag::S_IFCHR, 1, 3);
        node("kmsg", SFlag::S_IFCHR, 1, 11);
        // Says what a process in the group can read, and whether it can make a node.
        let seen = || {
            let script = "echo $$ > \"$0/c/cgroup.procs\" || exit 9; cd \"$1\"
                for name in disk null kmsg; do (: < $name) 2>/dev/null && echo $name; done
                mknod made b 254 0 && echo made && rm made";
            let run = Command::new("sh").args(["-c", script]).arg(&group).arg(nodes.path()).output().unwrap();
            assert!(run.stderr.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
            String::from_utf8(run.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let unguarded = seen();
        let first = cgroups.guard_devices("t");
        let guarded = seen();
        let second = cgroups.guard_devices("t");
        let programs = sys::device_programs(File::open(&group).unwrap().as_fd());
        cgroups.destroy_all().unwrap();
        first.unwrap();
        second.unwrap();
        assert_eq!(unguarded, "disk null kmsg made", "without the program all can be opened");
        assert_eq!(guarded, "null made");
        assert_eq!(programs.unwrap(), 1, "a second time sets no second program");
        let lost = cgroups.guard_devices("absent").unwrap_err().to_string();
        assert!(lost.contains(&format!("{parent}/absent")), "{lost}");
    }

    #[test]
    fn reads_counters_by_their_key() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(keyed(text, "oom_kill"), Some(3));
        assert_eq!(keyed(text, "absent"), None);
    }
}
