//! How does the host lay out its control groups, and may we write to them?

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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
        Self::parse(&mounts_of_host()?)
    }

    pub(super) fn parse(mountinfo: &str) -> Option<Self> {
        let mut v1 = BTreeMap::new();
        let mut v2 = None;
        for mount in mountinfo.lines().filter_map(Mount::parse) {
            match mount.kind {
                "cgroup2" => v2 = v2.or(Some(mount.point)),
                "cgroup" => {
                    for controller in mount.super_options.filter(|o| !o.contains('=') && *o != "rw") {
                        v1.entry(controller.to_owned()).or_insert_with(|| mount.point.clone());
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

    /// Whether the kernel can limit the swap of a group.
    pub(crate) fn counts_swap(&self) -> bool {
        match self {
            Self::V1(points) => {
                points.get("memory").is_some_and(|point| point.join("memory.memsw.limit_in_bytes").exists())
            }
            // The host's root has no such file; every group below has.
            Self::V2(root) => {
                let below = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
                below.chain([root.clone()]).any(|group| group.join("memory.swap.max").exists())
            }
        }
    }

    /// Returns the mount point of a controller that cannot be written to, if there is one.
    ///
    /// Docker mounts them so in a container that is not privileged.
    pub(crate) fn readonly(&self, controllers: &[&str]) -> Option<PathBuf> {
        self.readonly_in(&mounts_of_host()?, controllers)
    }

    fn readonly_in(&self, mountinfo: &str, controllers: &[&str]) -> Option<PathBuf> {
        let needed = |point: &Path| match self {
            Self::V1(points) => controllers.iter().any(|name| points.get(*name).is_some_and(|known| known == point)),
            Self::V2(root) => root == point,
        };
        let mut last = BTreeMap::new();
        // A later mount on the same place covers an earlier one.
        for mount in mountinfo.lines().filter_map(Mount::parse).filter(|mount| needed(&mount.point)) {
            last.insert(mount.point, mount.readonly);
        }
        last.into_iter().find(|(_, readonly)| *readonly).map(|(point, _)| point)
    }
}

fn mounts_of_host() -> Option<String> {
    fs::read_to_string("/proc/self/mountinfo").ok()
}

/// One line of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).
struct Mount<'a> {
    point: PathBuf,
    readonly: bool,
    kind: &'a str,
    super_options: std::str::Split<'a, char>,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(4);
        let point = PathBuf::from(left.next()?);
        let own = left.next()?;
        let mut right = right.split(' ');
        let kind = right.next()?;
        let super_options = right.nth(1).unwrap_or_default();
        let readonly = own.split(',').chain(super_options.split(',')).any(|option| option == "ro");
        Some(Self { point, readonly, kind, super_options: super_options.split(',') })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";

    #[test]
    fn a_host_with_both_versions_counts_as_version_one_when_memory_is_there() {
        let Some(Layout::V1(points)) = Layout::parse(HYBRID) else { panic!("not version 1") };
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
    fn names_the_mount_that_cannot_be_written_to() {
        let readonly = |text: &str| {
            let found = Layout::parse(text).unwrap().readonly_in(text, &["cpu", "memory"]);
            found.map(|path| path.display().to_string())
        };
        // The tmpfs above the controllers may be read-only: no group is made in it.
        assert_eq!(readonly(HYBRID), None);
        let memory = HYBRID.replace("/memory rw -", "/memory ro,nosuid -");
        assert_eq!(readonly(&memory).as_deref(), Some("/sys/fs/cgroup/memory"));
        // As Docker has it in a container that is not privileged.
        let v2 = "31 30 0:27 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate";
        assert_eq!(readonly(v2).as_deref(), Some("/sys/fs/cgroup"));
        assert_eq!(readonly(&format!("{v2}\n40 31 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup rw")), None);
        let unified = HYBRID.replace("/unified rw -", "/unified ro -");
        assert_eq!(readonly(&unified), None, "not one of those we use");
    }
}
