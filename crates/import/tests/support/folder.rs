//! Reads a folder of fixtures.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::path::Path;

use import::Folder;

/// Returns every file below a directory.
pub(crate) fn read(path: &Path) -> Folder {
    let mut files = Folder::new();
    add(path, "", &mut files);
    files
}

#[expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]
fn add(path: &Path, prefix: &str, files: &mut Folder) {
    for entry in path.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            add(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}
