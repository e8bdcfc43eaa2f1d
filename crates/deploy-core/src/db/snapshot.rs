//! What is a snapshot called, which is meant, and what would going back to it lose?

use aws_model::Millis;

/// A snapshot, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its identifier.
    pub id: String,
    /// Whether it is complete.
    pub is_available: bool,
    /// When it was made.
    pub at: Option<Millis>,
}

/// Why a text is no name of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name of a snapshot: a letter first, then letters, digits and single hyphens, 255 at most, no hyphen last"
)]
pub struct BadName(pub String);

/// Returns the name of a snapshot: the one given, else one of the instance, why it is made, and when.
///
/// # Errors
/// When the given one is no name (API reference, CreateDBSnapshot).
pub fn snapshot_name(given: Option<&str>, instance: &str, why: &str, stamp: &str) -> Result<String, BadName> {
    let name = match given {
        Some(name) => name.to_owned(),
        // An instance has 63 letters at most.
        None => format!("{instance}-{why}-{stamp}"),
    };
    let is_right = name.len() <= 255
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        && !name.contains("--")
        && !name.ends_with('-');
    if is_right { Ok(name) } else { Err(BadName(name)) }
}

/// Returns the newest complete snapshot.
pub fn newest(snapshots: &[Snapshot]) -> Option<&Snapshot> {
    snapshots.iter().filter(|snapshot| snapshot.is_available).max_by_key(|snapshot| snapshot.at)
}

/// Returns what going back to a moment loses, in words.
pub fn lost(at: Option<Millis>, now: Millis) -> String {
    let Some(at) = at else { return "everything that was written since it was made".to_owned() };
    let seconds = (now - at).max(0) / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let span = match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    };
    format!("everything that was written in the last {span}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_the_instance_unless_it_is_given() {
        assert_eq!(
            snapshot_name(None, "shop-main", "release-7", "20261201-020000").unwrap(),
            "shop-main-release-7-20261201-020000"
        );
        assert_eq!(snapshot_name(Some("before"), "x", "y", "z").unwrap(), "before");
        for wrong in ["", "1a", "a--b", "a-", "a_b", "rds:a", "ä"] {
            assert!(snapshot_name(Some(wrong), "x", "y", "z").is_err(), "{wrong}");
        }
        assert!(snapshot_name(Some(&"a".repeat(256)), "x", "y", "z").is_err());
    }

    #[test]
    fn the_newest_that_is_complete_is_meant() {
        let snapshot = |id: &str, is_available, at| Snapshot { id: id.to_owned(), is_available, at };
        let all = [snapshot("a", true, Some(1)), snapshot("b", true, Some(3)), snapshot("c", false, Some(9))];
        assert_eq!(newest(&all).map(|found| found.id.as_str()), Some("b"));
        assert_eq!(newest(&all[2..]), None);
    }

    #[test]
    fn what_is_lost_is_told_by_the_time_since() {
        for (seconds, expected) in
            [(5, "5 s"), (65, "1 min 5 s"), (7_260, "2 h 1 min"), (90_000, "1 d 1 h"), (-5, "0 s")]
        {
            assert_eq!(lost(Some(0), seconds * 1000), format!("everything that was written in the last {expected}"));
        }
        assert_eq!(lost(None, 1), "everything that was written since it was made");
    }
}
