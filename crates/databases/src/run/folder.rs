//! Makes a database's folder ready for a server, and says why it must not start on it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::files::{self, Wanted};
use super::place::Place;
use super::program::Program;
use super::{Certificate, Failure};

/// Makes the folders that a server needs, with their owners. Safe to repeat.
pub(crate) fn make(place: &Place, program: &Program) -> io::Result<()> {
    fs::create_dir_all(place.folder())?;
    // Whoever may enter the data directory may not look into it, and the server must pass.
    fs::set_permissions(place.folder(), fs::Permissions::from_mode(0o711))?;
    for dir in [place.wal(), place.socket(), place.log()] {
        own(&dir, program, 0o700)?;
    }
    for dir in [place.conf(), place.tls()] {
        fs::create_dir_all(&dir)?;
        chown(&dir, Some(0), Some(program.gid))?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o750))?;
    }
    Ok(())
}

/// Makes a directory that is the server's own.
pub(crate) fn own(dir: &Path, program: &Program, mode: u32) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    chown(dir, Some(program.uid), Some(program.gid))?;
    fs::set_permissions(dir, fs::Permissions::from_mode(mode))
}

/// Gives a copied or restored folder to the user that will run it: another image has another.
pub(crate) fn give(place: &Place, program: &Program) -> io::Result<()> {
    for top in [place.data(), place.wal(), place.log()] {
        let found = match top.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            found => found?,
        };
        if (found.uid(), found.gid()) != (program.uid, program.gid) {
            give_all(&top, program)?;
        }
    }
    Ok(())
}

fn give_all(path: &Path, program: &Program) -> io::Result<()> {
    let found = path.symlink_metadata()?;
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            give_all(&entry?.path(), program)?;
        }
    }
    // The top is given last, so that what was cut off is begun again.
    std::os::unix::fs::lchown(path, Some(program.uid), Some(program.gid))
}

/// Writes the server's configuration.
pub(crate) fn configure(place: &Place, wanted: &Wanted<'_>, program: &Program) -> Result<(), Failure> {
    let text = files::postgresql(wanted)?;
    for (name, text) in
        [("postgresql.conf", text), ("pg_hba.conf", files::hba(wanted)), ("pg_ident.conf", files::ident())]
    {
        write(&place.conf().join(name), &text, (0, program.gid), 0o640)?;
    }
    Ok(())
}

/// Writes the server's certificate and key.
pub(crate) fn certify(place: &Place, certificate: &Certificate, program: &Program) -> Result<(), Failure> {
    write(&place.tls().join("server.crt"), &certificate.chain, (0, program.gid), 0o640)?;
    // Root's and readable by the group is what PostgreSQL takes, and nothing wider (`sslmode` of a key, be-secure-common.c).
    write(&place.tls().join("server.key"), &certificate.key, (0, program.gid), 0o640)
}

/// Writes a file whole: a reader sees the old or the new one. It is nobody else's from its first byte.
fn write(path: &Path, text: &str, owner: (u32, u32), mode: u32) -> Result<(), Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let refuse = |source| Failure::Folder { path: path.to_owned(), source };
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(refuse)?;
    file.write_all(text.as_bytes()).map_err(refuse)?;
    chown(&new, Some(owner.0), Some(owner.1)).map_err(refuse)?;
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(refuse)?;
    file.sync_all().map_err(refuse)?;
    fs::rename(&new, path).map_err(refuse)
}

/// Refuses a data directory of another major version, which a server could not read.
pub(crate) fn check_version(data: &Path, major: u32) -> Result<(), Failure> {
    let file = data.join("PG_VERSION");
    let found = fs::read_to_string(&file).map_err(|source| Failure::Folder { path: file, source })?;
    let found = found.trim();
    if found == major.to_string() {
        return Ok(());
    }
    Err(Failure::Version { path: data.to_owned(), found: found.to_owned(), major })
}

/// Returns a process that has a data directory for its own, wherever it sees it: every server works from within it.
///
/// A server's own lock file holds a process id, which says nothing beyond its container.
pub(crate) fn occupant(data: &Path) -> Option<i32> {
    let wanted = fs::metadata(data).ok()?;
    let entries = fs::read_dir("/proc").ok()?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.into_iter().find(|pid| {
        fs::metadata(format!("/proc/{pid}/cwd"))
            .is_ok_and(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
    })
}

/// Returns how many bytes of the disk a path's filesystem has left for others than root.
pub(crate) fn free(path: &Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    Some(found.blocks_available() as u64 * found.fragment_size() as u64)
}

/// Removes log files that were not written to for a while.
pub(crate) fn sweep_logs(place: &Place, older: std::time::Duration) {
    for entry in fs::read_dir(place.log()).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > older)
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %error, "an old log of a database could not be removed");
        }
    }
}

/// Returns how many bytes a folder takes of the disk.
pub(crate) fn taken(path: &Path) -> u64 {
    let Ok(found) = path.symlink_metadata() else { return 0 };
    let below: u64 = if found.is_dir() {
        fs::read_dir(path).into_iter().flatten().flatten().map(|entry| taken(&entry.path())).sum()
    } else {
        0
    };
    below + found.blocks() * 512
}

/// Returns the newest of the server's log files.
fn newest_log(place: &Place) -> Option<PathBuf> {
    let entries = fs::read_dir(place.log()).ok()?.flatten();
    entries.map(|entry| entry.path()).max_by_key(|path| path.metadata().and_then(|found| found.modified()).ok())
}

/// Returns the last complaints in the server's log, or what else it said last.
pub(crate) fn last_words(place: &Place, printed: &str) -> String {
    let log = newest_log(place).map(|path| tail(&path)).unwrap_or_default();
    let complaints = |text: &str| {
        let found: Vec<&str> = text
            .lines()
            .filter(|line| ["FATAL:", "PANIC:"].iter().any(|word| line.contains(word) && is_own(line)))
            .collect();
        found.last().map(|line| (*line).to_owned())
    };
    complaints(printed)
        .or_else(|| complaints(&log))
        // What every server says before its log goes to a file says nothing of its end.
        .or_else(|| {
            let mut said = printed.lines().rev().filter(|line| !line.trim().is_empty());
            said.find(|line| !line.contains("LOG:") && !line.contains("HINT:")).map(str::to_owned)
        })
        .unwrap_or_else(|| "it said nothing".to_owned())
}

/// Whether a server says it of itself, and not of a client: our prefix has no user and no database then.
fn is_own(line: &str) -> bool {
    !line.contains("]:") || line.contains("::@:[")
}

fn tail(path: &Path) -> String {
    use std::io::{Read, Seek, SeekFrom};
    let mut bytes = Vec::new();
    if let Ok(mut file) = fs::File::open(path) {
        let length = file.metadata().map(|found| found.len()).unwrap_or(0);
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(8192)));
        let _ = file.take(8192).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("PG_VERSION"), "13\n").unwrap();
        let error = check_version(dir.path(), 15).unwrap_err().to_string();
        assert!(error.contains("13") && error.contains("15"), "{error}");
        check_version(dir.path(), 13).unwrap();
    }

    #[test]
    fn who_works_from_within_a_directory_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(occupant(dir.path()), None);
        let mut child = std::process::Command::new("sleep").arg("60").current_dir(dir.path()).spawn().unwrap();
        let found = occupant(dir.path());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, i32::try_from(child.id()).ok());
    }
}
