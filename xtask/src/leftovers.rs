//! What a platform leaves on a machine while it runs, and must not leave after `down --purge`:
//! processes, mounts, network namespaces, bridges, nft tables, cgroups.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::shell::{Fault, cmd};

/// Everything of managr's that is on this machine now, one line each.
pub(crate) fn seen() -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    seen.extend(processes());
    seen.extend(mounts());
    seen.extend(links());
    seen.extend(tables());
    cgroups(Path::new("/sys/fs/cgroup"), 4, &mut seen);
    seen
}

/// Fails when something is there that was not there before, and names it.
pub(crate) fn check(before: &BTreeSet<String>) -> Result<(), Fault> {
    let left: Vec<String> = seen().difference(before).cloned().collect();
    if left.is_empty() { Ok(()) } else { Err(Fault::Wrong(format!("left behind:\n  {}", left.join("\n  ")))) }
}

fn processes() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| {
        // A process whose binary was rebuilt reads "... (deleted)".
        let exe = fs::read_link(format!("/proc/{id}/exe")).ok()?;
        let name = exe.file_name()?.to_str()?.trim_end_matches(" (deleted)");
        let words = fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?.replace('\0', " ");
        (name == "managr").then(|| format!("process {id}: {}", words.trim_end()))
    })
    .collect()
}

fn mounts() -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let of_ours = |line: &&str| line.contains("managr");
    table.lines().filter(of_ours).filter_map(|line| Some(format!("mount {}", line.split(' ').nth(1)?))).collect()
}

fn links() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/class/net") else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.starts_with("managr") || name.starts_with("mgr"))
        .map(|name| format!("link {name}"))
        .collect()
}

fn tables() -> Vec<String> {
    let list = cmd("nft", &["list", "tables"]).answer().unwrap_or_default();
    list.lines().filter(|line| line.contains("managr")).map(|line| format!("nft {line}")).collect()
}

fn cgroups(folder: &Path, depth: usize, seen: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        if entry.file_name().to_string_lossy().contains("managr") {
            seen.insert(format!("cgroup {}", entry.path().display()));
        } else if depth > 0 {
            cgroups(&entry.path(), depth - 1, seen);
        }
    }
}
