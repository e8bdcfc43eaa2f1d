//! Which files beside a folder of Terraform does it name? Templates and modules that several roots share.
//!
//! They are read within the git repository (or a directory that somebody names), and never through a link.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use import::terraform::{Options, wanted};
use import::{Folder, Left, Place};

use super::{folder, terraform};
use crate::exit::Exit;
use crate::failure::Failure;

/// A module may name a module that names a template; nobody goes further.
const ROUNDS: usize = 8;
/// A file that is larger than this is no template.
const LARGEST: u64 = 4 << 20;

/// Puts what a folder names outside of itself into it, under the paths that it names (`../templates/x.tpl`), and
/// returns what was not read.
///
/// # Errors
/// When a directory cannot be read.
pub(super) fn read(
    folder: &mut Folder,
    root: &Path,
    within: Option<&Path>,
    options: &Options,
) -> Result<Vec<Left>, Failure> {
    let unreadable =
        |path: &Path, error| Failure::new(format!("could not read {}: {error}", path.display())).exit(Exit::Usage);
    let root = root.canonicalize().map_err(|error| unreadable(root, error))?;
    let base = match within {
        Some(within) => within.canonicalize().map_err(|error| unreadable(within, error))?,
        None => base(&root),
    };
    let (mut seen, mut refused) = (BTreeSet::new(), Vec::new());
    for _ in 0..ROUNDS {
        let new: Vec<String> = wanted(folder, options).into_iter().filter(|path| seen.insert(path.clone())).collect();
        if new.is_empty() {
            break;
        }
        for name in new {
            let path = lexical(&root, &name);
            // What is reached through a link has another name than the one that was written.
            let is_plain = path.canonicalize().is_ok_and(|real| real == path);
            if !path.exists() {
                continue;
            }
            if !path.starts_with(&base) || !is_plain {
                let place = Place { source: name.clone(), line: None };
                let why = format!(
                    "it lies outside of {} (or behind a link) and was not read: say --within DIR if it is meant",
                    base.display()
                );
                refused.push(Left::new(name, place, why));
            } else if path.is_dir() {
                for (inside, text) in folder::read(&path, terraform::is_read)? {
                    folder.insert(format!("{name}/{inside}"), text);
                }
            } else if let (true, Ok(text)) = (is_small(&path), std::fs::read_to_string(&path)) {
                folder.insert(name, text);
            }
        }
    }
    Ok(refused)
}

fn is_small(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.len() <= LARGEST)
        && terraform::is_read(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// The repository that a folder is in, or else its parent.
fn base(root: &Path) -> PathBuf {
    let repository = root.ancestors().find(|directory| directory.join(".git").exists());
    repository.or(root.parent()).unwrap_or(root).to_owned()
}

/// Returns a path without `..` and `.`, by its names alone.
fn lexical(root: &Path, name: &str) -> PathBuf {
    let mut path = root.to_owned();
    for part in Path::new(name).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}
