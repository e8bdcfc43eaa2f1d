//! What a result is called: the words between `${` and `}` of a label are replaced (user guide, "Use dynamic labels").

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::math::Series;

/// What a label may speak of besides the series.
pub(crate) struct Words<'a> {
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    /// Now, in seconds.
    pub(crate) now: i64,
    /// `+0130`.
    pub(crate) zone: Option<&'a str>,
}

/// Returns a label with its dynamic words replaced; those that it does not know stay as they are.
pub(crate) fn render(label: &str, series: &Series, words: &Words<'_>) -> String {
    let (mut out, mut rest) = (String::new(), label);
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let Some(length) = rest[start..].find('}') else { break };
        let word = &rest[start + 2..start + length];
        match words.word(word, series) {
            Some(said) => out.push_str(&said),
            None => out.push_str(&rest[start..=start + length]),
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

impl Words<'_> {
    fn word(&self, word: &str, series: &Series) -> Option<String> {
        let points = &series.points;
        let number = |value: Option<f64>| Some(value.map_or_else(|| "--".to_owned(), |value| value.to_string()));
        let first = points.first_key_value().map(|(at, value)| (*at, *value));
        let last = points.last_key_value().map(|(at, value)| (*at, *value));
        let all = || points.iter().map(|(at, value)| (*at, *value));
        let lowest = all().min_by(|a, b| a.1.total_cmp(&b.1));
        let highest = all().max_by(|a, b| a.1.total_cmp(&b.1));
        let sum = || points.values().sum::<f64>();
        let range = |from: Option<(i64, f64)>, to: Option<(i64, f64)>| from.zip(to);
        let (name, of) = match word.strip_prefix("FIRST").map(|rest| (rest, first)) {
            Some(("_LAST_RANGE", _)) => return number(range(first, last).map(|(a, b)| (b.1 - a.1).abs())),
            Some(("_LAST_TIME_RANGE", _)) => {
                return Some(range(first, last).map_or_else(none, |(a, b)| length(b.0 - a.0)));
            }
            Some(found) => found,
            None => match word {
                "MIN_MAX_RANGE" => return number(range(lowest, highest).map(|(a, b)| b.1 - a.1)),
                "MIN_MAX_TIME_RANGE" => {
                    return Some(range(lowest, highest).map_or_else(none, |(a, b)| length((b.0 - a.0).abs())));
                }
                "AVG" => return number((!points.is_empty()).then(|| sum() / points.len() as f64)),
                "SUM" => return number((!points.is_empty()).then(sum)),
                "DATAPOINT_COUNT" => return Some(points.len().to_string()),
                "LABEL" => return Some(series.label.clone()),
                _ => {
                    let fronts = [("LAST", last), ("MAX", highest), ("MIN", lowest)];
                    match fronts.into_iter().find_map(|(front, of)| Some((word.strip_prefix(front)?, of))) {
                        Some(found) => found,
                        None => return self.property(word, series),
                    }
                }
            },
        };
        match name {
            "" => number(of.map(|(_, value)| value)),
            "_TIME" => Some(of.map_or_else(none, |(at, _)| self.time(at))),
            "_TIME_RELATIVE" => Some(of.map_or_else(none, |(at, _)| length((self.now - at).abs()))),
            _ => None,
        }
    }

    /// `PROP('Dim.name')`.
    fn property(&self, word: &str, series: &Series) -> Option<String> {
        let name = word.strip_prefix("PROP('")?.strip_suffix("')")?;
        let origin = series.origin.as_ref();
        let metric = origin.map(|origin| &origin.metric);
        match name {
            "AccountId" => Some(self.account.to_owned()),
            "Region" => Some(self.region.to_owned()),
            "Period" => Some(series.grid.period.to_string()),
            "MetricName" => metric.map(|metric| metric.name.clone()),
            "Namespace" => metric.map(|metric| metric.namespace.clone()),
            "Stat" => origin.map(|origin| origin.statistic.clone()),
            _ => metric?.dimension(name.strip_prefix("Dim.")?).map(str::to_owned),
        }
    }

    /// How CloudWatch writes an instant in a label is not documented.
    fn time(&self, seconds: i64) -> String {
        let zone = self.zone.and_then(offset).map_or(TimeZone::UTC, TimeZone::fixed);
        match Timestamp::from_second(seconds) {
            Ok(at) => at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Err(_) => none(),
        }
    }
}

fn none() -> String {
    "--".to_owned()
}

fn length(seconds: i64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let said: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if said.is_empty() { "0s".to_owned() } else { said.join(" ") }
}

/// Reads `+0130`: "the format is + or - followed by four digits".
pub(crate) fn offset(zone: &str) -> Option<Offset> {
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let is_four = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = is_four.then(|| (digits[..2].parse::<i32>(), digits[2..].parse::<i32>()))?;
    Offset::from_seconds(sign * (hours.ok()? * 3600 + minutes.ok()? * 60)).ok()
}
