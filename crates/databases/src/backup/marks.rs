//! Until which time can a database be restored, and which WAL does that take?
//!
//! PostgreSQL stops a recovery at the first commit *after* the time that is asked for, and refuses to come up if its
//! WAL ends before one ("recovery ended before configured recovery target was reached"). So a commit of our own is
//! written from time to time: a mark. A time before a mark whose WAL is kept can be restored. Where nothing was
//! committed since the last mark, no WAL is written for it: the state at that time is the one of the mark.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{BackupError, Lsn};

/// At a time the WAL had come to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The server's clock, milliseconds; a commit with this time or a later one ends before `lsn`.
    pub at: u64,
    /// Where the WAL was after that commit.
    pub lsn: Lsn,
    /// Nothing was committed since the mark before: its place is that mark's.
    pub quiet: bool,
}

/// How a recovery finds its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At the first commit after the time.
    Time,
    /// At this place.
    Place(Lsn),
}

/// The marks of a database whose WAL is kept, oldest first; a file with a line each.
#[derive(Debug)]
pub struct Marks {
    path: PathBuf,
    all: Vec<Mark>,
}

impl Marks {
    /// Reads them; a file that is not there has none. A last line that was cut off is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, BackupError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other.map_err(|source| BackupError::Note { path: path.to_owned(), source })?,
        };
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        Ok(Self { path: path.to_owned(), all: whole.lines().filter_map(parse).collect() })
    }

    /// Adds one, durably. A clock that was set back adds none until it is where it was.
    ///
    /// # Errors
    /// When it cannot be written; then it is not there.
    pub fn add(&mut self, mark: Mark) -> Result<(), BackupError> {
        if self.all.last().is_some_and(|last| last.at >= mark.at) {
            return Ok(());
        }
        let grow = || {
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
            file.write_all(line(mark).as_bytes())?;
            file.sync_data()
        };
        grow().map_err(|source| BackupError::Note { path: self.path.clone(), source })?;
        self.all.push(mark);
        Ok(())
    }

    /// Forgets those before a time.
    ///
    /// # Errors
    /// When the file cannot be written; then it is as it was.
    pub fn forget(&mut self, before: u64) -> Result<(), BackupError> {
        let kept: Vec<Mark> = self.all.iter().copied().filter(|mark| mark.at >= before).collect();
        if kept.len() == self.all.len() {
            return Ok(());
        }
        let part = self.path.with_extension("part");
        let replace = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
            kept.iter().try_for_each(|mark| file.write_all(line(*mark).as_bytes()))?;
            file.sync_all()?;
            fs::rename(&part, &self.path)
        };
        replace().map_err(|source| BackupError::Note { path: self.path.clone(), source })?;
        self.all = kept;
        Ok(())
    }

    /// Returns the last one.
    pub fn last(&self) -> Option<Mark> {
        self.all.last().copied()
    }

    /// Returns the latest time that can be restored.
    pub fn latest(&self) -> Option<u64> {
        self.last().map(|mark| mark.at.saturating_sub(1))
    }

    /// Returns until where WAL is needed for a time, and how its end is found; none if the time is too late.
    pub fn reach(&self, at: u64) -> Option<(Lsn, End)> {
        let mark = self.all.iter().find(|mark| mark.at > at)?;
        Some((mark.lsn, if mark.quiet { End::Place(mark.lsn) } else { End::Time }))
    }
}

fn line(mark: Mark) -> String {
    format!("{} {}{}\n", mark.at, mark.lsn, if mark.quiet { " quiet" } else { "" })
}

fn parse(line: &str) -> Option<Mark> {
    let mut words = line.split(' ');
    let (at, lsn) = (words.next()?.parse().ok()?, Lsn::parse(words.next()?)?);
    Some(Mark { at, lsn, quiet: words.next() == Some("quiet") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_kept_in_order_and_a_line_that_was_cut_off_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("marks");
        let mut marks = Marks::read(&path).unwrap();
        let mark = |at, lsn, quiet| Mark { at, lsn: Lsn(lsn), quiet };
        for one in [mark(1000, 0x10, false), mark(900, 0x11, false), mark(2000, 0x10, true), mark(3000, 0x30, false)] {
            marks.add(one).unwrap();
        }
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"4000 0/4").unwrap();
        let mut marks = Marks::read(&path).unwrap();
        assert_eq!(marks.latest(), Some(2999));
        assert_eq!(marks.reach(999), Some((Lsn(0x10), End::Time)));
        assert_eq!(marks.reach(1000), Some((Lsn(0x10), End::Place(Lsn(0x10)))), "nothing was committed until 2000");
        assert_eq!(marks.reach(2999), Some((Lsn(0x30), End::Time)));
        assert_eq!(marks.reach(3000), None);
        marks.forget(2500).unwrap();
        assert_eq!(Marks::read(&path).unwrap().all, vec![mark(3000, 0x30, false)]);
    }
}
