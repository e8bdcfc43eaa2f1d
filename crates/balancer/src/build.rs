//! Which program is this? Told from its file, so that a process of another build can be replaced by one
//! of this.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Returns what tells a program's file from every other: where it lies on the disk, its size, and when it
/// was written. `/proc/self/exe` is the file that a process runs, whatever lies at its path by now.
///
/// Empty when the file cannot be looked at. Two copies of one program differ, and then one replaces the
/// other for nothing, which loses nothing.
pub fn build_of(program: &Path) -> String {
    let Ok(file) = std::fs::metadata(program) else { return String::new() };
    format!("{}:{}:{}:{}.{:09}", file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec())
}
