//! What a platform leaves on a machine while it runs, and must not leave after `down --purge`:
//! processes, mounts (network namespaces are such), bridges and links, nft tables, cgroups, sockets.
//! The load balancer and its listeners' ports are seen as its process, `managr balance DIR`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Everything of managr's that is on this machine now, one line each.
pub fn seen() -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    seen.extend(processes());
    seen.extend(mounts());
    seen.extend(links());
    seen.extend(tables());
    seen.extend(sockets());
    cgroups(Path::new("/sys/fs/cgroup"), 4, &mut seen);
    seen
}

/// Returns what is there now and was not there before.
pub fn since(before: &BTreeSet<String>) -> Vec<String> {
    seen().difference(before).cloned().collect()
}

fn processes() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| {
        // A process whose binary was rebuilt reads "... (deleted)".
        let exe = fs::read_link(format!("/proc/{id}/exe")).ok()?;
        let name = exe.file_name()?.to_str()?.trim_end_matches(" (deleted)");
        let words = fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?.replace('\0', " ");
        // Containers run whatever they run; their cgroup tells whose they are.
        let groups = fs::read_to_string(format!("/proc/{id}/cgroup")).unwrap_or_default();
        let is_ours =
            name == "managr" || groups.lines().any(|group| group.split('/').any(|part| part.starts_with("managr")));
        is_ours.then(|| format!("process {id}: {}", words.trim_end()))
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
        .filter(|name| name.starts_with("managr") || name.starts_with("mg"))
        .map(|name| format!("link {name}"))
        .collect()
}

fn tables() -> Vec<String> {
    // Without nft on the machine there are no tables of ours either.
    let Ok(output) = Command::new("nft").args(["list", "tables"]).output() else { return Vec::new() };
    let list = String::from_utf8_lossy(&output.stdout);
    list.lines().filter(|line| line.contains("managr")).map(|line| format!("nft {line}")).collect()
}

fn sockets() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/run/managr") else { return Vec::new() };
    // The machine's lock is empty and goes with the boot: who removes a lock lets two have it at once.
    let others = entries.flatten().filter(|entry| entry.file_name() != "network.lock");
    others.map(|entry| format!("directory {}", entry.path().display())).collect()
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
