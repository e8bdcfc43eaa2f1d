//! Which instant does a clock on the wall show?

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::Millis;

static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone by its name in IANA's database.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

impl Zone {
    /// UTC, in which rules of EventBridge are.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Finds a zone, such as `Europe/Berlin`; `UTC` too.
    pub fn named(name: &str) -> Option<Self> {
        BUNDLED.get(name).ok().map(Self)
    }

    /// Returns its name in the database, in the database's own spelling.
    pub fn name(&self) -> Option<&str> {
        self.0.iana_name()
    }

    /// Returns what the clock on the wall shows at an instant, and its offset from UTC, such as `+02:00`.
    pub fn shown(&self, instant: Millis) -> Option<String> {
        let shown = Timestamp::from_millisecond(instant).ok()?.to_zoned(self.0.clone());
        Some(shown.strftime("%Y-%m-%d %H:%M:%S %:z").to_string())
    }

    /// Returns what the clock on the wall shows at an instant.
    pub fn wall(&self, instant: Millis) -> Option<DateTime> {
        Timestamp::from_millisecond(instant).ok().map(|instant| self.0.to_datetime(instant))
    }

    /// Returns when the clock shows this for the first time; none if it never does.
    pub(crate) fn instant(&self, wall: DateTime) -> Option<Millis> {
        let found = self.0.to_ambiguous_timestamp(wall);
        match found.offset() {
            AmbiguousOffset::Gap { .. } => None,
            _ => found.earlier().ok().map(Timestamp::as_millisecond),
        }
    }

    /// Returns when the clock shows this for the first time, or what it would if it were not put forward.
    pub(crate) fn instant_or_after(&self, wall: DateTime) -> Option<Millis> {
        self.0.to_ambiguous_timestamp(wall).compatible().ok().map(Timestamp::as_millisecond)
    }
}
