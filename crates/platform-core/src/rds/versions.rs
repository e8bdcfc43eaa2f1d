//! The versions of PostgreSQL that can be asked for.

use super::instance::major;

/// Major version and its last minor one that RDS has (RDS for PostgreSQL release notes, state of botocore's models). Which
/// minor version really runs is the image's to say; the instance's EngineVersion is then that.
const LAST: [(u32, u32); 6] = [(13, 23), (14, 20), (15, 15), (16, 11), (17, 7), (18, 1)];

/// The major version of an instance that says none.
pub(super) const DEFAULT: u32 = 17;

/// Returns every major version.
pub(super) fn majors() -> impl Iterator<Item = u32> {
    LAST.iter().map(|(major, _)| *major)
}

/// Returns the last version of a major one.
pub(super) fn last(wanted: u32) -> Option<String> {
    LAST.iter().find(|(major, _)| *major == wanted).map(|(major, minor)| format!("{major}.{minor}"))
}

/// Returns the whole version that a caller means by `16` or `16.4`; none for one that there is not.
pub(super) fn meant(version: &str) -> Option<String> {
    let major = major(version);
    let (_, newest) = LAST.iter().find(|(known, _)| *known == major)?;
    match version.split_once('.') {
        None => Some(format!("{major}.{newest}")),
        // A machine's packages may be newer than the list; what is no number, or has a third part, is no version.
        Some((_, minor)) => minor.parse::<u32>().ok().map(|minor| format!("{major}.{minor}")),
    }
}
