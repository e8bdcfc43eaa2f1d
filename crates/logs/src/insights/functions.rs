//! Functions of one row: their names, how many arguments they take, and what they return. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::ast::Period;
use super::value::Value;

macro_rules! functions {
    ($($function:ident $name:literal $least:literal $most:literal,)*) => {
        /// A function of one row.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($function,)* }

        impl Function {
            /// Finds a function by name, whatever the case, with the least and most arguments that it takes.
            pub(super) fn named(name: &str) -> Option<(Self, usize, usize)> {
                $(if name.eq_ignore_ascii_case($name) { return Some((Self::$function, $least, $most)); })*
                None
            }
        }
    };
}

functions! {
    Abs "abs" 1 1,
    Bin "bin" 1 1,
    Ceil "ceil" 1 1,
    Coalesce "coalesce" 1 99,
    Concat "concat" 1 99,
    Dateceil "dateceil" 2 2,
    Datefloor "datefloor" 2 2,
    Floor "floor" 1 1,
    FromMillis "fromMillis" 1 1,
    Greatest "greatest" 1 99,
    Isblank "isblank" 1 1,
    Isempty "isempty" 1 1,
    Ispresent "ispresent" 1 1,
    Least "least" 1 99,
    Log "log" 1 1,
    Ltrim "ltrim" 1 2,
    Replace "replace" 3 3,
    Rtrim "rtrim" 1 2,
    Sqrt "sqrt" 1 1,
    Strcontains "strcontains" 2 2,
    Strlen "strlen" 1 1,
    Substr "substr" 2 3,
    ToMillis "toMillis" 1 1,
    Tolower "tolower" 1 1,
    Toupper "toupper" 1 1,
    Trim "trim" 1 2,
}

/// An argument: a value, or a length of time.
pub(super) enum Argument {
    Value(Value),
    Period(Period),
}

/// Calls a function. What cannot be calculated has no value.
pub(super) fn call(function: Function, arguments: &[Argument]) -> Value {
    let value = |at: usize| match arguments.get(at) {
        Some(Argument::Value(value)) => value.clone(),
        _ => Value::Missing,
    };
    let period = |at: usize| match arguments.get(at) {
        Some(Argument::Period(period)) => Some(*period),
        _ => None,
    };
    let text = |at: usize| Some(value(at)).filter(Value::is_present).map(|value| value.to_string());
    let number = |f: fn(f64) -> f64| value(0).number().map(f);
    let numbers = || arguments.iter().enumerate().filter_map(|(at, _)| value(at).number());
    let trimmed = |front: bool, back: bool| {
        let (text, cut) = (text(0)?, text(1));
        let is_cut = |c: char| cut.as_ref().map_or(c.is_whitespace(), |cut| cut.contains(c));
        let text = if front { text.trim_start_matches(is_cut) } else { &text };
        let text = if back { text.trim_end_matches(is_cut) } else { text };
        Some(text.to_owned())
    };
    let of_number = |number: Option<f64>| number.filter(|n| n.is_finite()).map_or(Value::Missing, Value::Number);
    let of_text = |text: Option<String>| text.map_or(Value::Missing, Value::Text);
    let time = |at: usize| value(at).number().map(|at| at as i64);
    let of_time = |at: Option<i64>| at.map_or(Value::Missing, Value::Time);
    match function {
        Function::Abs => of_number(number(f64::abs)),
        Function::Ceil => of_number(number(f64::ceil)),
        Function::Floor => of_number(number(f64::floor)),
        Function::Log => of_number(number(f64::ln)),
        Function::Sqrt => of_number(number(f64::sqrt)),
        Function::Greatest => of_number(numbers().reduce(f64::max)),
        Function::Least => of_number(numbers().reduce(f64::min)),
        Function::Coalesce => (0..arguments.len()).map(value).find(Value::is_present).unwrap_or(Value::Missing),
        Function::Concat => Value::Text((0..arguments.len()).map(|at| value(at).to_string()).collect()),
        Function::Ispresent => Value::of(value(0).is_present()),
        Function::Isempty => Value::of(value(0).to_string().is_empty()),
        Function::Isblank => Value::of(value(0).to_string().trim().is_empty()),
        Function::Strlen => of_number(text(0).map(|text| text.chars().count() as f64)),
        Function::Tolower => of_text(text(0).map(|text| text.to_lowercase())),
        Function::Toupper => of_text(text(0).map(|text| text.to_uppercase())),
        Function::Trim => of_text(trimmed(true, true)),
        Function::Ltrim => of_text(trimmed(true, false)),
        Function::Rtrim => of_text(trimmed(false, true)),
        Function::Strcontains => Value::of(text(0).zip(text(1)).is_some_and(|(text, part)| text.contains(&part))),
        Function::Replace => {
            let (text, from, to) = (text(0), text(1).filter(|from| !from.is_empty()), text(2));
            of_text(text.zip(from).zip(to).map(|((text, from), to)| text.replace(&from, &to)))
        }
        Function::Substr => {
            let count = |at: usize| value(at).number().map(|number| number.max(0.0) as usize);
            let rest = text(0).zip(count(1)).map(|(text, from)| text.chars().skip(from).collect::<String>());
            of_text(rest.map(|rest| count(2).map_or(rest.clone(), |length| rest.chars().take(length).collect())))
        }
        Function::ToMillis => of_number(value(0).number()),
        Function::FromMillis => of_time(time(0)),
        Function::Bin => of_time(time(1).zip(period(0)).and_then(|(at, period)| floor(at, period))),
        Function::Datefloor => of_time(time(0).zip(period(1)).and_then(|(at, period)| floor(at, period))),
        Function::Dateceil => of_time(time(0).zip(period(1)).and_then(|(at, period)| match floor(at, period)? {
            whole if whole == at => Some(at),
            whole => after(whole, period),
        })),
    }
}

/// Returns the beginning of the period that an instant is in; they are counted from the epoch.
fn floor(at: i64, period: Period) -> Option<i64> {
    match period {
        Period::Millis(millis) => Some(at - at.rem_euclid(millis)),
        Period::Months(months) => {
            let date = Timestamp::from_millisecond(at).ok()?.to_zoned(TimeZone::UTC).date();
            let since = (i64::from(date.year()) - 1970) * 12 + i64::from(date.month()) - 1;
            first(since - since.rem_euclid(months))
        }
    }
}

fn after(at: i64, period: Period) -> Option<i64> {
    match period {
        Period::Millis(millis) => at.checked_add(millis),
        Period::Months(months) => {
            let date = Timestamp::from_millisecond(at).ok()?.to_zoned(TimeZone::UTC).date();
            midnight(date.checked_add(months.months()).ok()?)
        }
    }
}

/// Returns the first instant of a month since January 1970.
fn first(month: i64) -> Option<i64> {
    let (year, month) = (1970 + month.div_euclid(12), month.rem_euclid(12) + 1);
    midnight(Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?)
}

fn midnight(date: Date) -> Option<i64> {
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_in_one_period_of_each_length() {
        let at = 1_700_000_000_123; // 2023-11-14 22:13:20.123
        let check = |period, from: &str, to: &str| {
            let arguments = [Argument::Value(Value::Time(at)), Argument::Period(period)];
            assert_eq!(call(Function::Datefloor, &arguments).to_string(), from);
            assert_eq!(call(Function::Dateceil, &arguments).to_string(), to);
        };
        check(Period::Millis(300_000), "2023-11-14 22:10:00.000", "2023-11-14 22:15:00.000");
        check(Period::Months(1), "2023-11-01 00:00:00.000", "2023-12-01 00:00:00.000");
        check(Period::Months(3), "2023-10-01 00:00:00.000", "2024-01-01 00:00:00.000");
        check(Period::Months(12), "2023-01-01 00:00:00.000", "2024-01-01 00:00:00.000");
    }
}
