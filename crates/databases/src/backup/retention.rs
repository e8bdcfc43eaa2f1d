//! Which backups and which WAL are kept, and is another backup due? `decide` is pure.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{BackupError, Base, Segment};

const DAY: u64 = 24 * 60 * 60 * 1000;

/// What is to be done about a database's backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// A backup is due.
    pub take: bool,
    /// Backups that go: positions in the list.
    pub drop: Vec<usize>,
    /// WAL before this segment goes; none: all stays.
    pub before: Option<Segment>,
    /// The earliest time that can be restored then.
    pub earliest: Option<u64>,
}

/// Decides about backups (oldest first), for `days` of retention; none keeps nothing.
///
/// Of those that are older than the retention the newest is kept: the first day could not be restored without it.
pub fn decide(bases: &[Base], now: u64, days: u32) -> Decision {
    if days == 0 {
        return Decision { drop: (0..bases.len()).collect(), ..Decision::default() };
    }
    let begin = now.saturating_sub(u64::from(days) * DAY);
    let first = bases.iter().rposition(|base| base.at <= begin).unwrap_or(0);
    let kept = bases.get(first);
    Decision {
        take: bases.last().is_none_or(|last| now.saturating_sub(last.at) >= DAY),
        drop: (0..first).collect(),
        before: kept.and_then(|base| base.running).map(|running| running.first()),
        earliest: kept.map(|base| base.at.max(begin)),
    }
}

/// Returns the backups in a folder, oldest first. One that is not whole is none.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(dir: &Path) -> Result<Vec<(PathBuf, Base)>, BackupError> {
    let wrong = |source| BackupError::Note { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(wrong)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "part") {
            continue;
        }
        if let Some(base) = super::read(&path)? {
            found.push((path, base));
        }
    }
    found.sort_by_key(|(_, base)| base.at);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Lsn, Running};
    use super::*;

    fn base(day: u64) -> Base {
        let running = Running { timeline: 1, start: Lsn(day << 24), stop: Lsn((day << 24) + 1), segment: 1 << 24 };
        Base { version: 150_000, at: day * DAY, running: Some(running), bytes: 0, how: String::new() }
    }

    #[test]
    fn the_newest_that_is_older_than_the_retention_stays() {
        let bases: Vec<Base> = (0..10).map(base).collect();
        let decision = decide(&bases, 10 * DAY, 3);
        assert_eq!(decision.drop, (0..7).collect::<Vec<_>>());
        assert_eq!(decision.before, Some(Segment { timeline: 1, number: 7 }));
        assert_eq!(decision.earliest, Some(7 * DAY));
        assert!(decision.take);
        assert!(!decide(&bases, 9 * DAY + 5, 3).take);
        assert!(decide(&[], 0, 1).take, "the first is due at once");
        assert_eq!(decide(&bases, 10 * DAY, 0).drop.len(), 10);
        assert!(!decide(&bases, 20 * DAY, 0).take);
    }

    proptest! {
        /// Whatever goes, every time of the retention that could be restored can still be.
        #[test]
        fn nothing_that_is_needed_goes(mut days in prop::collection::vec(0_u64..60, 1..20), now in 0_u64..80, keep in 1_u32..35) {
            days.sort_unstable();
            days.dedup();
            let bases: Vec<Base> = days.iter().copied().map(base).collect();
            let decision = decide(&bases, now * DAY, keep);
            for at in (0..=now).rev().take(keep as usize + 1).map(|day| day * DAY) {
                if let Some(needed) = bases.iter().rposition(|base| base.at <= at) {
                    prop_assert!(!decision.drop.contains(&needed));
                    let first = bases[needed].running.unwrap().first();
                    prop_assert!(decision.before.is_none_or(|before| before <= first));
                }
            }
        }
    }
}
