//! Reads a folder's text files, for sources that are pure.

use std::path::Path;

use import::Folder;

use crate::exit::Exit;
use crate::failure::Failure;

/// A file that is larger than this is no definition of anything.
const LARGEST: u64 = 4 << 20;

/// Directories that hold what tools downloaded or keep for themselves.
const SKIPPED: [&str; 5] = [".git", ".terraform", "node_modules", ".venv", "target"];

/// Returns every text file below a directory that `wanted` takes, by its path from there.
///
/// # Errors
/// Names what could not be read.
pub(crate) fn read(root: &Path, wanted: impl Fn(&str) -> bool) -> Result<Folder, Failure> {
    let mut folder = Folder::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        let failed = |error| Failure::new(format!("could not read {}: {error}", directory.display())).exit(Exit::Usage);
        for entry in std::fs::read_dir(&directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // A link may lead out of the folder, or round in a circle.
            let Ok(kind) = path.symlink_metadata() else { continue };
            if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
                open.push(path);
            } else if kind.is_file() && kind.len() <= LARGEST && wanted(&name) {
                add(&mut folder, root, &path)?;
            }
        }
    }
    Ok(folder)
}

/// Adds one file, unless it is no text.
fn add(folder: &mut Folder, root: &Path, path: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::new(format!("could not read {}: {error}", path.display())).exit(Exit::Usage))?;
    let from_root = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = from_root.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if let Ok(text) = String::from_utf8(bytes) {
        folder.insert(parts.join("/"), text);
    }
    Ok(())
}
