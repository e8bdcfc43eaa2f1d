//! What is said of a change: in words, and in JSON. The words were seen in reports of changes (aws-sdk-java #1723, the
//! AWS CLI's examples of describe-alarm-history); what was not seen is put in their manner.

use aws_model::Millis;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::judge::{Scale, Verdict};
use super::{Missing, State};
use crate::periods::Grid;

/// Characters of a reason (API reference, MetricAlarm), and of its JSON.
const LONGEST: usize = 1023;
const LONGEST_DATA: usize = 4000;
/// Points that a reason lists.
const TOLD: usize = 5;

/// What the reason for a change of a metric alarm is made from.
pub struct Told<'a> {
    /// By what it was judged.
    pub scale: Scale,
    /// The verdict.
    pub verdict: &'a Verdict,
    /// The periods that were looked at.
    pub grid: Grid,
    /// When.
    pub now: Millis,
    /// The statistic, if one metric is watched.
    pub statistic: Option<&'a str>,
    /// The unit that was asked for.
    pub unit: Option<&'a str>,
    /// How many samples a period has, by its start.
    pub samples: &'a dyn Fn(i64) -> Option<f64>,
}

impl Told<'_> {
    /// Returns the words for a change to a state.
    pub fn words(&self, from: State, to: State) -> String {
        let missing = self.verdict.filled;
        let (evaluated, scale) = (&self.verdict.evaluated, &self.scale);
        if to == State::InsufficientData {
            return match missing {
                1 => "Insufficient Data: 1 datapoint was unknown.".to_owned(),
                missing => format!("Insufficient Data: {missing} datapoints were unknown."),
            };
        }
        let treated = match scale.missing {
            Missing::Breaching => "Breaching",
            _ => "NonBreaching",
        };
        let filled = match missing {
            1 => format!("1 missing datapoint was treated as [{treated}]"),
            missing => format!("{missing} missing datapoints were treated as [{treated}]"),
        };
        if evaluated.is_empty() {
            let periods = if missing == 1 { "1 period".to_owned() } else { format!("{missing} periods") };
            return format!("Threshold Crossed: no datapoints were received for {periods} and {filled}.");
        }
        let is_alarm = to == State::Alarm;
        let is_told = |value: f64| scale.comparison.is_breached(value, scale.threshold) == is_alarm;
        let told: Vec<String> = evaluated
            .iter()
            .filter(|(_, value)| is_told(*value))
            .map(|(ago, value)| format!("{value:?} ({})", self.time(*ago, "%d/%m/%y %H:%M:%S")))
            .collect();
        let count = told.len();
        let points: Vec<String> = told.into_iter().take(TOLD).collect();
        let needed = if is_alarm { scale.to_alarm } else { scale.periods - scale.to_alarm + 1 };
        let needed = if needed == 1 { "1 datapoint".to_owned() } else { format!("{needed} datapoints") };
        let mut words = format!(
            "Threshold Crossed: {count} out of the last {} datapoints [{}] {} {}{} the threshold ({:?})",
            scale.periods,
            points.join(", "),
            if count == 1 { "was" } else { "were" },
            if is_alarm { "" } else { "not " },
            scale.comparison.words(),
            scale.threshold,
        );
        if missing > 0 && matches!(scale.missing, Missing::Breaching | Missing::NotBreaching) {
            words.push_str(&format!(" and {filled}"));
        }
        let from = if from == State::InsufficientData { opposite(to) } else { from };
        words.push_str(&format!(" (minimum {needed} for {from} -> {to} transition)."));
        words.truncate(words.floor_char_boundary(LONGEST));
        words
    }

    /// Returns the JSON for it.
    pub fn data(&self) -> Option<String> {
        let evaluated = self.verdict.evaluated.iter().map(|(ago, value)| {
            let mut point = json!({"timestamp": self.time(*ago, STAMP), "value": value});
            if let Some(samples) = (self.samples)(self.start(*ago)) {
                point["sampleCount"] = json!(samples);
            }
            point
        });
        let oldest = self.verdict.evaluated.last().map(|(ago, _)| self.time(*ago, STAMP));
        let recent: Vec<f64> = self.verdict.evaluated.iter().rev().map(|(_, value)| *value).collect();
        let mut data = json!({"version": "1.0", "queryDate": stamp(self.now)});
        let optional = [
            ("startDate", oldest.map(|oldest| json!(oldest))),
            ("statistic", self.statistic.map(|statistic| json!(statistic))),
            ("unit", self.unit.map(|unit| json!(unit))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                data[name] = value;
            }
        }
        data["period"] = json!(self.grid.period);
        data["recentDatapoints"] = json!(recent);
        data["threshold"] = json!(self.scale.threshold);
        data["evaluatedDatapoints"] = evaluated.collect();
        Some(data.to_string()).filter(|text| text.len() <= LONGEST_DATA)
    }

    fn start(&self, ago: usize) -> i64 {
        self.grid.end - self.grid.period * (ago as i64 + 1)
    }

    fn time(&self, ago: usize, form: &str) -> String {
        written(self.start(ago) * 1000, form)
    }
}

fn opposite(state: State) -> State {
    if state == State::Alarm { State::Ok } else { State::Alarm }
}

/// Returns the words and the JSON for a change of a composite alarm; what changed last of what it watches is why.
pub fn of_composite(latest: Option<(String, State, Millis)>, to: State) -> (String, Option<String>) {
    let Some((arn, state, at)) = latest else {
        return (format!("The rule of this composite alarm makes it {to}"), None);
    };
    let when = written(at, "%A %d %B, %Y %H:%M:%S UTC");
    let words = format!("{arn} transitioned to {state} at {when}");
    let data = json!({"triggeringAlarms": [{"arn": arn, "state": {"value": state, "timestamp": stamp(at)}}]});
    (words, Some(data.to_string()))
}

const STAMP: &str = "%Y-%m-%dT%H:%M:%S.000+0000";

/// Returns an instant as alarms write it in JSON.
pub fn stamp(at: Millis) -> String {
    let millis = at.rem_euclid(1000);
    written(at, &format!("%Y-%m-%dT%H:%M:%S.{millis:03}+0000"))
}

fn written(at: Millis, form: &str) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).strftime(form).to_string()
}
