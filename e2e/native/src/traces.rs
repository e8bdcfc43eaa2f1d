//! What a platform leaves on a machine, looked for from outside the product.

use std::fs;

/// Returns every trace of a bridge and a data directory: links, firewall tables, control groups,
/// mounts, processes. Empty on a clean machine.
pub fn of(bridge: &str, data: &str) -> Vec<String> {
    let mut found = Vec::new();
    for link in fs::read_dir("/sys/class/net").into_iter().flatten().flatten() {
        let name = link.file_name().to_string_lossy().into_owned();
        let master = fs::read_link(link.path().join("master")).ok();
        let ours = master.is_some_and(|m| m.file_name().is_some_and(|f| f == bridge));
        if name == bridge || ours {
            found.push(format!("link {name}"));
        }
    }
    let tables = std::process::Command::new("nft").args(["list", "tables"]).output();
    let tables = tables.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    found.extend(tables.lines().filter(|l| l.ends_with(&format!("_{bridge}"))).map(|l| format!("nft {l}")));
    let mut roots = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    roots.extend(fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|e| e.path()));
    for root in roots {
        let path = root.join(format!("managr-{bridge}"));
        if path.exists() {
            found.push(format!("cgroup {}", path.display()));
        }
    }
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    found.extend(mounts.lines().filter(|l| l.contains(data)).map(|l| format!("mount {l}")));
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        if words.contains(data) && !process.file_name().to_string_lossy().contains("self") {
            found.push(format!("process {} {words}", process.file_name().to_string_lossy()));
        }
    }
    if std::path::Path::new(data).exists() {
        found.push(format!("directory {data}"));
    }
    found
}
