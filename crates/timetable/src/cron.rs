//! Which minutes does a cron expression mean? AWS's six fields, as in EventBridge's user guide ("Cron
//! expressions reference"): `L`, `W` and `#` in the fields of days, Sunday is 1, and `?` in one of the two.

use jiff::civil::{Date, DateTime, Time, Weekday};

use crate::field::{DAY, HOUR, MINUTE, MONTH, Numbers, WEEKDAY, YEAR};

/// A cron expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Cron {
    minutes: Numbers,
    hours: Numbers,
    days: Days,
    months: Numbers,
    years: Numbers,
}

/// Days of a month, by one of the two fields.
#[derive(Debug, Clone, PartialEq)]
enum Days {
    OfMonth(Vec<MonthDay>),
    OfWeek(Vec<WeekDay>),
}

#[derive(Debug, Clone, PartialEq)]
enum MonthDay {
    Any(Numbers),
    /// `L`
    Last,
    /// `LW`
    LastWorking,
    /// `15W`: the weekday that is nearest, in the same month.
    Nearest(i8),
}

#[derive(Debug, Clone, PartialEq)]
enum WeekDay {
    Any(Numbers),
    /// `6L`: the last of a month.
    Last(i16),
    /// `2#1`: the first of a month, and so on.
    Nth(i16, i8),
}

impl Cron {
    /// Reads what stands between `cron(` and `)`.
    pub(crate) fn parse(inner: &str) -> Result<Self, String> {
        let words: Vec<&str> = inner.split_whitespace().collect();
        let [minutes, hours, day, months, week, years] = words[..] else {
            return Err(format!("cron has six fields in AWS, this has {}", words.len()));
        };
        let cron = Self {
            minutes: MINUTE.numbers(minutes)?,
            hours: HOUR.numbers(hours)?,
            days: Days::OfMonth(Vec::new()),
            months: MONTH.numbers(months)?,
            years: YEAR.numbers(years)?,
        };
        let (of_month, of_week) = (items(day, month_day)?, items(week, week_day)?);
        let days = match (of_month, of_week) {
            (None, None) => return Err("one of day-of-month and day-of-week must not be `?`".to_owned()),
            (Some(_), Some(_)) => return Err("one of day-of-month and day-of-week must be `?`".to_owned()),
            (Some(days), None) => Days::OfMonth(days),
            (None, Some(days)) => Days::OfWeek(days),
        };
        if let Days::OfWeek(days) = &days
            && days.iter().filter(|day| matches!(day, WeekDay::Nth(..))).count() > 1
        {
            return Err(format!("`{week}`: `#` may stand there once"));
        }
        Ok(Self { days, ..cron })
    }

    /// Returns the first minute after `wall` that is meant; none if there is none any more.
    pub(crate) fn next_after(&self, wall: DateTime) -> Option<DateTime> {
        let minute = wall.time().with().second(0).subsec_nanosecond(0).build().ok()?;
        let start = DateTime::from_parts(wall.date(), minute).checked_add(jiff::Span::new().minutes(1)).ok()?;
        let (mut date, mut least) = (start.date(), start.time());
        loop {
            let year = self.years.from(date.year())?;
            if year != date.year() {
                (date, least) = (Date::new(year, 1, 1).ok()?, Time::midnight());
            }
            if !self.months.has(i16::from(date.month())) {
                (date, least) =
                    (date.first_of_month().checked_add(jiff::Span::new().months(1)).ok()?, Time::midnight());
                continue;
            }
            if self.days.has(date)
                && let Some(time) = self.time_from(least)
            {
                return Some(DateTime::from_parts(date, time));
            }
            (date, least) = (date.tomorrow().ok()?, Time::midnight());
        }
    }

    fn time_from(&self, least: Time) -> Option<Time> {
        let (hour, minute) = (i16::from(least.hour()), i16::from(least.minute()));
        let in_this_hour = self.hours.has(hour).then(|| self.minutes.from(minute)).flatten();
        let (hour, minute) = match in_this_hour {
            Some(minute) => (hour, minute),
            None => (self.hours.from(hour + 1)?, self.minutes.first()?),
        };
        Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
    }
}

/// Reads a field of days; none is `?`.
fn items<T>(field: &str, read: fn(&str) -> Result<T, String>) -> Result<Option<Vec<T>>, String> {
    (field != "?").then(|| field.split(',').map(read).collect()).transpose()
}

fn month_day(item: &str) -> Result<MonthDay, String> {
    match item {
        "L" => Ok(MonthDay::Last),
        "LW" => Ok(MonthDay::LastWorking),
        "W" => Err("`W` needs a day, such as `15W`".to_owned()),
        _ => match item.strip_suffix('W') {
            Some(day) => Ok(MonthDay::Nearest(i8::try_from(DAY.number(day)?).expect("31 at most"))),
            None => Ok(MonthDay::Any(numbers(DAY.item(item)?))),
        },
    }
}

fn week_day(item: &str) -> Result<WeekDay, String> {
    // Without a day it is the week's last one, Saturday.
    if item == "L" {
        return Ok(WeekDay::Any(numbers([7])));
    }
    if let Some(day) = item.strip_suffix('L') {
        return WEEKDAY.number(day).map(WeekDay::Last);
    }
    let Some((day, nth)) = item.split_once('#') else {
        return WEEKDAY.item(item).map(numbers).map(WeekDay::Any);
    };
    let day = WEEKDAY.number(day)?;
    match ["1", "2", "3", "4", "5"].into_iter().zip(1..).find(|(digit, _)| *digit == nth) {
        Some((_, nth)) => Ok(WeekDay::Nth(day, nth)),
        None => Err(format!("`{item}`: 1 to 5 after `#`")),
    }
}

fn numbers(items: impl IntoIterator<Item = i16>) -> Numbers {
    let mut numbers = Numbers::default();
    numbers.add(items);
    numbers
}

impl Days {
    fn has(&self, date: Date) -> bool {
        match self {
            Self::OfMonth(days) => days.iter().any(|day| day.is(date)),
            Self::OfWeek(days) => days.iter().any(|day| day.is(date)),
        }
    }
}

impl MonthDay {
    fn is(&self, date: Date) -> bool {
        let last = date.days_in_month();
        match self {
            Self::Any(days) => days.has(i16::from(date.day())),
            Self::Last => date.day() == last,
            Self::LastWorking => date.day() == working_day_near(date, last),
            Self::Nearest(day) => *day <= last && date.day() == working_day_near(date, *day),
        }
    }
}

/// Returns the working day of the date's month that is nearest to a day of it.
fn working_day_near(date: Date, day: i8) -> i8 {
    let last = date.days_in_month();
    let Ok(wanted) = date.with().day(day).build() else { return day };
    match wanted.weekday() {
        Weekday::Saturday if day == 1 => 3,
        Weekday::Saturday => day - 1,
        Weekday::Sunday if day == last => day - 2,
        Weekday::Sunday => day + 1,
        _ => day,
    }
}

impl WeekDay {
    fn is(&self, date: Date) -> bool {
        let weekday = i16::from(date.weekday().to_sunday_one_offset());
        match self {
            Self::Any(days) => days.has(weekday),
            Self::Last(day) => *day == weekday && date.day() > date.days_in_month() - 7,
            Self::Nth(day, nth) => *day == weekday && (date.day() - 1) / 7 + 1 == *nth,
        }
    }
}
