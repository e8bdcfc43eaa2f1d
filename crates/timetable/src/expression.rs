//! What does an expression say, and when does it fire next?

use jiff::civil::DateTime;

use crate::cron::Cron;
use crate::{Millis, Zone};

/// Whose expressions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Rules of EventBridge: `rate` and `cron`.
    EventBridge,
    /// EventBridge Scheduler, which has `at` as well.
    Scheduler,
}

/// A schedule expression that was understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// Again and again, this many milliseconds apart.
    Rate(Millis),
    /// When the clock on the wall shows one of these minutes.
    Cron(Box<Cron>),
    /// Once, when the clock on the wall shows this.
    At(DateTime),
}

impl Expression {
    /// Reads an expression as a service does.
    ///
    /// # Errors
    /// A fragment that says what is wrong, such as "cron has six fields in AWS, this has 5".
    pub fn parse(text: &str, service: Service) -> Result<Self, String> {
        let within = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(inner) = within("rate") {
            return rate(inner).map(Self::Rate);
        }
        if let Some(inner) = within("cron") {
            return Cron::parse(inner).map(|cron| Self::Cron(Box::new(cron)));
        }
        match (service, within("at")) {
            (Service::Scheduler, Some(inner)) => at(inner).map(Self::At),
            (Service::Scheduler, None) => Err("it is none of `rate(...)`, `cron(...)` and `at(...)`".to_owned()),
            (Service::EventBridge, _) => Err("it is neither `rate(...)` nor `cron(...)`".to_owned()),
        }
    }

    /// Returns the first instant after `after` at which it fires; none if there is none any more.
    ///
    /// `anchor` is the instant that a rate is counted from, which is no firing itself. A time of day that a
    /// change to daylight saving leaves out does not fire; one that comes twice fires the first time
    /// (Scheduler's user guide, "Schedule types", "Daylight savings time").
    pub fn next(&self, after: Millis, anchor: Millis, zone: &Zone) -> Option<Millis> {
        match self {
            Self::Rate(period) => {
                let passed = (after - anchor).div_euclid(*period).max(0);
                anchor.checked_add((passed + 1).checked_mul(*period)?)
            }
            Self::Cron(cron) => {
                let mut wall = zone.wall(after)?;
                loop {
                    wall = cron.next_after(wall)?;
                    if let Some(instant) = zone.instant(wall).filter(|instant| *instant > after) {
                        return Some(instant);
                    }
                }
            }
            // At a time that is left out, the clock has just gone past it: it fires then, or never would.
            Self::At(wall) => zone.instant_or_after(*wall).filter(|instant| *instant > after),
        }
    }
}

fn rate(inner: &str) -> Result<Millis, String> {
    let mut words = inner.split_whitespace();
    let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err("a rate is a number and a unit".to_owned());
    };
    let value: u32 = number.parse().map_err(|_| format!("`{number}` is not a whole number"))?;
    let singular = unit.strip_suffix('s').unwrap_or(unit);
    let one = match singular {
        "minute" => 60_000,
        "hour" => 3_600_000,
        "day" => 86_400_000,
        _ => return Err(format!("`{unit}` is not minutes, hours or days")),
    };
    match (value, unit) {
        (0, _) => Err("a rate is at least 1".to_owned()),
        (1, "minute" | "hour" | "day") | (2.., "minutes" | "hours" | "days") => Ok(i64::from(value) * one),
        (1, _) => Err(format!("after 1 the unit is singular, `{singular}`")),
        _ => Err(format!("after {value} the unit is plural, `{singular}s`")),
    }
}

/// Reads `2027-01-31T06:00:00`: a wall clock, without an offset (CreateSchedule: `at(yyyy-mm-ddThh:mm:ss)`).
fn at(inner: &str) -> Result<DateTime, String> {
    let wrong = || format!("`{inner}` is not a time such as `2027-01-31T06:00:00`");
    let shape = "0000-00-00T00:00:00";
    let same = |(a, b): (char, char)| if b == '0' { a.is_ascii_digit() } else { a == b };
    if inner.len() != shape.len() || !inner.chars().zip(shape.chars()).all(same) {
        return Err(wrong());
    }
    inner.parse().map_err(|_| wrong())
}
