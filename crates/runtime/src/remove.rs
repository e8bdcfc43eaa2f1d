//! Removes a tree, whatever a container made of it.
//!
//! A container may put directories into each other without end. Going down into them takes a
//! descriptor and stack for every level, so that removing fails, or the whole process dies, at a depth
//! that a shell makes in a second. Here each directory is first moved to the top, so that there is only
//! ever one level; nothing is made for it, which a full disk might refuse.

use std::fs;
use std::io;
use std::path::Path;

/// Removes a directory with all in it; that it is not there is well. Safe to repeat after a failure.
///
/// # Errors
/// What the file system says, e.g. where something is still mounted.
pub fn remove_tree(top: &Path) -> io::Result<()> {
    let mut waiting = Vec::new();
    let mut next = 0_u64;
    let entries = match fs::read_dir(top) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return fs::remove_file(top),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() { waiting.push(entry.path()) } else { fs::remove_file(entry.path())? }
    }
    while let Some(directory) = waiting.pop() {
        let entries = match fs::read_dir(&directory) {
            // One that was empty, and over which another was moved: that one was its turn.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            let moved = loop {
                let name = top.join(format!(".gone-{next}"));
                next += 1;
                match fs::rename(entry.path(), &name) {
                    Ok(()) => break name,
                    // An unrelated entry, or one left by an attempt that was cut short: it waits for its turn.
                    Err(error) if is_taken(&error) => {}
                    Err(error) => return Err(error),
                }
            };
            waiting.push(moved);
        }
        fs::remove_dir(&directory)?;
    }
    fs::remove_dir(top)
}

fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty | NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_is_deeper_than_descriptors_and_paths_reach() {
        if std::env::var_os("FEW_DESCRIPTORS").is_none() {
            // Again, with few descriptors: another test's are not ours to take.
            let test = "remove::tests::removes_what_is_deeper_than_descriptors_and_paths_reach";
            let status = std::process::Command::new("sh")
                .args(["-c", &format!("ulimit -n 128; exec \"$0\" --exact {test}")])
                .arg(std::env::current_exe().unwrap())
                .env("FEW_DESCRIPTORS", "")
                .status();
            return assert!(status.unwrap().success());
        }
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("top");
        // Built from the inside out, as no path would reach its end for long: 2,000 levels.
        let (mut inner, mut outer) = (dir.path().join("a"), dir.path().join("b"));
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("file"), "x").unwrap();
        for _ in 0..2_000 {
            fs::create_dir(&outer).unwrap();
            fs::rename(&inner, outer.join("d")).unwrap();
            std::mem::swap(&mut inner, &mut outer);
        }
        fs::create_dir(&top).unwrap();
        fs::rename(&inner, top.join("deep")).unwrap();
        assert!(fs::remove_dir_all(&top).is_err(), "the test is deep enough");
        remove_tree(&top).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        remove_tree(&top).unwrap();
    }

    #[test]
    fn follows_no_link_and_minds_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let (top, outside) = (dir.path().join("top"), dir.path().join("outside"));
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        for name in ["a/b/c", "a/.gone-1/x", ".gone-0/y", ".gone-2"] {
            fs::create_dir_all(top.join(name)).unwrap();
        }
        fs::write(top.join(".gone-3"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, top.join("a/b/link")).unwrap();
        std::os::unix::fs::symlink(&outside, top.join("link")).unwrap();
        remove_tree(&top).unwrap();
        assert!(!top.exists() && outside.join("kept").exists());
    }
}
