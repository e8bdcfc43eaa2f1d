//! Which files beside a folder of Terraform does it name? Templates and modules that several roots share.
//!
//! They are read within the git repository (or a directory that the user names), and never through a link.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use import::terraform::{Options, TerraformError, read_with};
use import::{Folder, Found, Left, Place};

use super::{folder, terraform};
use crate::exit::Exit;
use crate::failure::Failure;

/// A file that is larger than this is no template.
const LARGEST: u64 = 4 << 20;

/// What a folder says, or why that is not understood.
type Understood = Result<Found, TerraformError>;

/// Reads a folder with what it names outside of itself, under the paths that it names (`../templates/x.tpl`).
///
/// # Errors
/// When a directory cannot be read, or the folder is not understood.
pub(super) fn read(
    folder: &mut Folder,
    root: &Path,
    within: Option<&Path>,
    options: &Options,
) -> Result<Found, Failure> {
    let (understood, refused) = gather(folder, root, within, options)?;
    let mut found = understood.map_err(|error| Failure::from_error(error).exit(Exit::Usage))?;
    found.left.splice(0..0, refused);
    Ok(found)
}

/// Puts what a folder names outside of itself into it, and returns what it says then, and what was not read.
///
/// # Errors
/// When a directory cannot be read.
pub(super) fn gather(
    folder: &mut Folder,
    root: &Path,
    within: Option<&Path>,
    options: &Options,
) -> Result<(Understood, Vec<Left>), Failure> {
    let unreadable =
        |path: &Path, error| Failure::new(format!("could not read {}: {error}", path.display())).exit(Exit::Usage);
    let root = root.canonicalize().map_err(|error| unreadable(root, error))?;
    let base = match within {
        Some(within) => within.canonicalize().map_err(|error| unreadable(within, error))?,
        None => base(&root),
    };
    let mut refused = Vec::new();
    let understood = read_with(folder, options, |names| beside(names, &root, &base, &mut refused))?;
    Ok((understood, refused))
}

/// Returns the files that are there of those that a folder names.
fn beside(names: &BTreeSet<String>, root: &Path, base: &Path, refused: &mut Vec<Left>) -> Result<Folder, Failure> {
    let mut files = Folder::new();
    for name in names {
        let path = lexical(root, name);
        // What is reached through a link has another name than the one that was written.
        let is_plain = path.canonicalize().is_ok_and(|real| real == path);
        if !path.exists() {
            continue;
        }
        if !path.starts_with(base) || !is_plain {
            let place = Place { source: name.clone(), line: None };
            let why = format!(
                "it lies outside of {} (or behind a link) and was not read: say --within DIR if it is meant",
                base.display()
            );
            refused.push(Left::new(name.clone(), place, why));
        } else if path.is_dir() {
            for (inside, text) in folder::read(&path, terraform::is_read)? {
                files.insert(format!("{name}/{inside}"), text);
            }
        } else if let (true, Ok(text)) = (is_small(&path), std::fs::read_to_string(&path)) {
            files.insert(name.clone(), text);
        }
    }
    Ok(files)
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
