//! Copies the folder of a database: by reflinks, within the kernel, or by reading and writing, whichever is the first
//! that the file system has.
//!
//! A copy is made beside its place (`NAME.part`), is flushed, and takes its name last. So what has the name is whole,
//! and a copy that was cut off is begun again from nothing. Never: a link followed, or a file outside of the folder.

mod error;
mod file;
mod tree;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use error::CopyError;
pub use file::Way;
pub use tree::size;

use error::At as _;
use tree::Tree;

/// What of a folder is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// All of it; nothing changes it meanwhile.
    Whole,
    /// The data directory of a PostgreSQL server that runs, for a backup: without what a server makes anew at its
    /// start, and without its WAL, and files may come and go.
    Live,
    /// The data directory of a PostgreSQL server that was stopped: with its WAL.
    Stopped,
}

/// What a copy cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Number of files.
    pub files: u64,
    /// Bytes that the files hold, holes left out.
    pub bytes: u64,
    /// How the contents came over; none if there were none.
    pub way: Option<Way>,
    /// How long it took.
    pub took: Duration,
}

impl Copied {
    /// Returns it in words: `reflinks of 1.0 GB in 0.1 s`, `copied 1.0 GB in 1.2 s`.
    pub fn words(&self) -> String {
        let verb = match self.way {
            Some(Way::Reflink) => "reflinks of",
            _ => "copied",
        };
        format!("{verb} {} in {:.1} s", gigabytes(self.bytes), self.took.as_secs_f64())
    }
}

fn gigabytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
    let amount = bytes as f64;
    if bytes >= 100_000_000 { format!("{:.1} GB", amount / 1e9) } else { format!("{:.1} MB", amount / 1e6) }
}

/// Copies a folder, whole, flushed, and under its name only then. What has the name already is left as it is, and what
/// an earlier copy left behind is cleared away.
///
/// # Errors
/// See [`CopyError`]; then there is nothing under the name.
pub fn folder(from: &Path, to: &Path, what: What, progress: &mut dyn FnMut(u64, u64)) -> Result<Copied, CopyError> {
    let part = part(to);
    if to.try_exists().at(to)? {
        clear(&part)?;
        return Ok(Copied::default());
    }
    let started = Instant::now();
    let copied = begin(from, &part, what, progress)?;
    settle(&part, to)?;
    Ok(Copied { took: started.elapsed(), ..copied })
}

/// Copies one file, whose place must be free. It is not flushed.
///
/// # Errors
/// See [`CopyError`].
pub fn file(from: &Path, to: &Path) -> Result<u64, CopyError> {
    file::copy(from, to, &mut Way::Reflink)
}

/// Returns where a folder is made before it has its name.
pub fn part(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    to.with_file_name(name)
}

/// Copies a folder to a place that is cleared first, without flushing it: [`settle`] comes after. `progress` is told
/// bytes, done and in all.
///
/// # Errors
/// See [`CopyError`]; what was copied so far is left.
pub fn begin(from: &Path, part: &Path, what: What, progress: &mut dyn FnMut(u64, u64)) -> Result<Copied, CopyError> {
    let started = Instant::now();
    clear(part)?;
    if let Some(parent) = part.parent() {
        // Nobody else looks in.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).at(parent)?;
    }
    let tree = Tree::read(from, what)?;
    for dir in &tree.dirs {
        let to = part.join(&dir.path);
        fs::create_dir(&to).at(&to)?;
        file::own(&fs::File::open(&to).at(&to)?, &dir.metadata).at(&to)?;
    }
    let mut way = Way::Reflink;
    let mut copied = Copied::default();
    for one in &tree.files {
        let (source, target) = (from.join(&one.path), part.join(&one.path));
        let came = if tree::is_control(&one.path, what) {
            file::small(&source, &target)
        } else {
            file::copy(&source, &target, &mut way)
        };
        match came {
            Ok(bytes) => copied.bytes += bytes,
            // A server that runs drops tables; replaying the WAL drops them again.
            Err(error) if what == What::Live && error.is_missing(&source) => continue,
            Err(error) => return Err(error),
        }
        copied.files += 1;
        progress(copied.bytes, tree.bytes.max(copied.bytes));
    }
    // A way is told by the files that it was tried with.
    copied.way = (copied.bytes > 0).then_some(way);
    copied.took = started.elapsed();
    Ok(copied)
}

/// Flushes a folder and gives it its name; whatever had that name must be gone.
///
/// # Errors
/// When something could not be flushed or renamed.
pub fn settle(part: &Path, to: &Path) -> Result<(), CopyError> {
    tree::flush(part)?;
    fs::rename(part, to).at(to)?;
    if let Some(parent) = to.parent() {
        tree::flush_one(parent)?;
    }
    Ok(())
}

/// Removes a folder; one that is not there is removed. It loses its name first, so that half of it is never taken for
/// the whole.
///
/// # Errors
/// When something of it cannot be removed.
pub fn remove(folder: &Path) -> Result<(), CopyError> {
    let part = part(folder);
    clear(&part)?;
    match fs::rename(folder, &part) {
        Ok(()) => clear(&part),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).at(folder),
    }
}

fn clear(folder: &Path) -> Result<(), CopyError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at(folder),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
