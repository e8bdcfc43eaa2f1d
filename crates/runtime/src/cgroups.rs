//! Control groups: one per task under our parent, one per container under the
//! task's. Never touches a group outside the parent.
//!
//! Version 1 (also "hybrid") and version 2 hosts; the latter is untested so far.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Processor time is handed out in periods of this many microseconds.
const PERIOD_US: u64 = 100_000;
/// How long the kernel may take to let go of killed processes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the host keeps its control groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Controller to mount point.
    V1(BTreeMap<String, PathBuf>),
    /// The one mount point.
    V2(PathBuf),
}

impl Layout {
    /// Reads the host's layout; `None` when no control groups are mounted.
    pub(crate) fn of_host() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/mountinfo").ok()?)
    }

    fn parse(mountinfo: &str) -> Option<Self> {
        let mut v1 = BTreeMap::new();
        let mut v2 = None;
        for line in mountinfo.lines() {
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let Some(point) = left.split(' ').nth(4).map(PathBuf::from) else { continue };
            let mut right = right.split(' ');
            match right.next() {
                Some("cgroup2") => v2 = v2.or(Some(point)),
                Some("cgroup") => {
                    let options = right.nth(1).unwrap_or_default();
                    for controller in options.split(',').filter(|o| !o.contains('=') && *o != "rw") {
                        v1.entry(controller.to_owned()).or_insert_with(|| point.clone());
                    }
                }
                _ => {}
            }
        }
        if v1.contains_key("memory") {
            return Some(Self::V1(v1));
        }
        v2.map(Self::V2)
    }

    /// Whether a controller can be used.
    pub(crate) fn has(&self, controller: &str) -> bool {
        match self {
            Self::V1(points) => points.contains_key(controller),
            Self::V2(root) => fs::read_to_string(root.join("cgroup.controllers"))
                .is_ok_and(|list| list.split_whitespace().any(|name| name == controller)),
        }
    }
}

/// The control groups of one runtime.
#[derive(Clone, Debug)]
pub(crate) struct Cgroups {
    layout: Layout,
    parent: String,
}

impl Cgroups {
    pub(crate) fn new(layout: Layout, parent: &str) -> Self {
        Self { layout, parent: parent.trim_matches('/').to_owned() }
    }

    pub(crate) fn is_v2(&self) -> bool {
        matches!(self.layout, Layout::V2(_))
    }

    /// Path of a container's group as an OCI configuration names it.
    pub(crate) fn oci_path(&self, task: &str, container: &str) -> String {
        format!("/{}/{task}/{container}", self.parent)
    }

    /// Makes a task's group and sets its limits. Safe to repeat.
    pub(crate) fn create_task(&self, task: &str, cpu_millis: Option<u32>, memory_bytes: Option<u64>) -> io::Result<()> {
        let quota = cpu_millis.map(|millis| u64::from(millis) * PERIOD_US / 1000);
        match &self.layout {
            Layout::V1(points) => {
                for name in ["cpu", "memory", "pids"] {
                    let Some(point) = points.get(name) else { continue };
                    let group = point.join(&self.parent).join(task);
                    fs::create_dir_all(&group)?;
                    match name {
                        "cpu" => {
                            if let Some(quota) = quota {
                                write(&group, "cpu.cfs_period_us", PERIOD_US)?;
                                write(&group, "cpu.cfs_quota_us", quota.max(1000))?;
                            }
                        }
                        "memory" => {
                            if let Some(bytes) = memory_bytes {
                                write(&group, "memory.limit_in_bytes", bytes)?;
                            }
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            Layout::V2(root) => {
                let parent = root.join(&self.parent);
                let group = parent.join(task);
                fs::create_dir_all(&group)?;
                for dir in [root, &parent, &group] {
                    for name in ["cpu", "memory", "pids"] {
                        fs::write(dir.join("cgroup.subtree_control"), format!("+{name}"))?;
                    }
                }
                if let Some(quota) = quota {
                    write(&group, "cpu.max", format!("{} {PERIOD_US}", quota.max(1000)))?;
                }
                if let Some(bytes) = memory_bytes {
                    write(&group, "memory.max", bytes)?;
                }
                Ok(())
            }
        }
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
        self.destroy(Path::new(&self.parent).join(task))
    }

    /// Kills what is left of a container and removes its groups. Safe to repeat.
    pub(crate) fn destroy_container(&self, task: &str, container: &str) -> io::Result<()> {
        self.destroy(Path::new(&self.parent).join(task).join(container))
    }

    /// Kills every process of every task and removes all groups with the parent.
    pub(crate) fn destroy_all(&self) -> io::Result<()> {
        self.destroy(PathBuf::from(&self.parent))
    }

    /// Kills every process of a task.
    pub(crate) fn kill_task(&self, task: &str) {
        let below = Path::new(&self.parent).join(task);
        for point in self.points() {
            kill_group(&point.join(&below));
        }
    }

    fn destroy(&self, below: PathBuf) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        for point in self.points() {
            let group = point.join(&below);
            loop {
                kill_group(&group);
                match remove_group(&group) {
                    Ok(()) => break,
                    // Killed processes leave their group when the kernel gets to it.
                    Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => {
                        if Instant::now() > deadline {
                            return Err(error);
                        }
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn points(&self) -> BTreeSet<&PathBuf> {
        match &self.layout {
            Layout::V1(points) => points.values().collect(),
            Layout::V2(root) => [root].into(),
        }
    }
}

fn write(group: &Path, file: &str, value: impl ToString) -> io::Result<()> {
    let path = group.join(file);
    fs::write(&path, value.to_string())
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn subgroups(group: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(group) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn kill_group(group: &Path) {
    for below in subgroups(group) {
        kill_group(&below);
    }
    let Ok(pids) = fs::read_to_string(group.join("cgroup.procs")) else { return };
    for pid in pids.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 1) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

fn remove_group(group: &Path) -> io::Result<()> {
    for below in subgroups(group) {
        remove_group(&below)?;
    }
    match fs::remove_dir(group) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
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
    use super::*;

    #[test]
    fn a_host_with_both_versions_counts_as_version_one_when_memory_is_there() {
        let text = "\
30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
        let Some(Layout::V1(points)) = Layout::parse(text) else { panic!("not version 1") };
        assert_eq!(points["cpuacct"], Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        assert!(points.contains_key("memory"));
    }

    #[test]
    fn a_host_with_version_two_alone() {
        let text = "31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(Layout::parse(text), Some(Layout::V2("/sys/fs/cgroup".into())));
        assert_eq!(Layout::parse("1 2 0:3 / / rw - ext4 /dev/vda rw"), None);
    }

    #[test]
    fn reads_counters_by_their_key() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(keyed(text, "oom_kill"), Some(3));
        assert_eq!(keyed(text, "absent"), None);
    }
}
