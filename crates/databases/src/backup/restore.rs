//! Makes a data directory of a backup: as it was taken, or as the database was at a time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::base::{add_wal, write};
use super::marks::End;
use super::{BackupError, Base, Marks, Segment};
use crate::copy::{self, Copied, What};

/// Ends our own lines in `postgresql.auto.conf`, and begins them.
const BEGIN: &str = "# managr: recovery, begin";
const FINISH: &str = "# managr: recovery, end";

/// Makes a data directory of a snapshot. A server starts on it as after a crash. A data directory that is there
/// already is left as it is: the work may be begun again.
///
/// # Errors
/// See [`BackupError`]; then there is no data directory.
pub fn from_snapshot(snapshot: &Path, data: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Copied, BackupError> {
    Ok(copy::folder(&snapshot.join("data"), data, What::Whole, progress)?)
}

/// Returns the newest backup that was whole at a time.
///
/// # Errors
/// When there is none; says which time is the earliest.
pub fn newest_before(bases: Vec<(PathBuf, Base)>, at: u64) -> Result<(PathBuf, Base), BackupError> {
    let earliest = bases.first().map_or_else(|| "none: there is no backup".to_owned(), |(_, base)| instant(base.at));
    bases
        .into_iter()
        .rev()
        .find(|(_, base)| base.at <= at && base.running.is_some())
        .ok_or(BackupError::TooEarly { earliest })
}

/// Makes a data directory as the database was at a time, of a backup and the WAL that is kept. A server that is
/// started on it recovers until that time and is then a database of its own; [`finish`] is called after that. A data
/// directory that is there already is left as it is.
///
/// # Errors
/// See [`BackupError`]; then there is no data directory.
pub fn to_time(
    (backup, base): (&Path, &Base),
    (wal, marks): (&Path, &Marks),
    at: u64,
    data: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Copied, BackupError> {
    if data.exists() {
        return Ok(Copied::default());
    }
    let latest = || marks.latest().map_or_else(|| "none yet".to_owned(), instant);
    let (until, end) = marks.reach(at).ok_or_else(|| BackupError::TooLate { latest: latest() })?;
    let running = base.running.ok_or_else(|| BackupError::TooEarly { earliest: instant(base.at) })?;
    let part = copy::part(data);
    let copied = copy::begin(&backup.join("data"), &part, What::Whole, progress)?;
    let last = Segment::ending(running.timeline, until.max(running.stop), running.segment);
    for segment in running.first().until(last) {
        add_wal(wal, &part.join("pg_wal"), &segment.name(running.segment))?;
    }
    write(&part.join("recovery.signal"), b"", &part)?;
    let auto = part.join("postgresql.auto.conf");
    let settings = without_ours(&read_or_empty(&auto)?) + &recovery(at, end);
    write(&auto, settings.as_bytes(), &part)?;
    copy::settle(&part, data)?;
    Ok(copied)
}

/// Takes the settings of a recovery away, once the server is one of its own. Safe to repeat.
///
/// # Errors
/// When the file cannot be read or written.
pub fn finish(data: &Path) -> Result<(), BackupError> {
    let auto = data.join("postgresql.auto.conf");
    let now = read_or_empty(&auto)?;
    let without = without_ours(&now);
    if without == now {
        return Ok(());
    }
    let next = data.join("postgresql.auto.conf.tmp");
    write(&next, without.as_bytes(), data)?;
    fs::rename(&next, &auto).map_err(|source| BackupError::Note { path: auto, source })
}

/// `false` as the command: all WAL is in `pg_wal` already, and PostgreSQL insists on a command. Without a hot standby a
/// server has no connection before it is promoted, and does not insist on the settings that the source had.
fn recovery(at: u64, end: End) -> String {
    let target = match end {
        End::Time => format!("recovery_target_time = '{}'", instant(at)),
        End::Place(lsn) => format!("recovery_target_lsn = '{lsn}'"),
    };
    format!(
        "{BEGIN}\nrestore_command = 'false'\n{target}\nrecovery_target_inclusive = on\n\
         recovery_target_timeline = 'current'\nrecovery_target_action = 'promote'\nhot_standby = off\n{FINISH}\n"
    )
}

fn without_ours(settings: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in settings.lines() {
        inside |= line == BEGIN;
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= line != FINISH;
    }
    kept
}

fn read_or_empty(path: &Path) -> Result<String, BackupError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|source| BackupError::Note { path: path.to_owned(), source }),
    }
}

/// Writes a time for PostgreSQL and for people: `2026-12-01 02:11:07.123+00`.
fn instant(at: u64) -> String {
    let (days, rest) = (at / 86_400_000, at % 86_400_000);
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days; after 1970 only.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}+00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_postgresql() {
        for (at, words) in [
            (0, "1970-01-01 00:00:00.000+00"),
            (951_782_400_001, "2000-02-29 00:00:00.001+00"),
            (1_796_091_067_123, "2026-12-01 02:11:07.123+00"),
        ] {
            assert_eq!(instant(at), words);
        }
    }

    #[test]
    fn settings_of_a_recovery_go_and_others_stay() {
        let others = "work_mem = '4MB'\n";
        let with = others.to_owned() + &recovery(0, End::Time) + "a = 1\n";
        assert_eq!(without_ours(&with), "work_mem = '4MB'\na = 1\n");
        assert_eq!(without_ours(others), others);
    }

    #[test]
    fn a_time_before_all_backups_is_refused_with_the_earliest() {
        let words = newest_before(Vec::new(), 5).unwrap_err().to_string();
        assert!(words.contains("there is no backup"), "{words}");
    }
}
