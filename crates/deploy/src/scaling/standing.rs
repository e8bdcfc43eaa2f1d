//! How does a service stand that is scaled: by what is it measured, which way does it go, and when may it go on? Pure.

use std::collections::{BTreeMap, BTreeSet};

use aws::items;
use aws_model::{Document, Millis};
use deploy_core::plan::scaling::ScaledService;
use serde::Serialize;
use serde_json::Value;

use crate::observe::text;
use crate::tasks::millis;

/// Seconds that AWS waits where a policy does not say it.
const COOLDOWN: i64 = 300;

/// How a service stands that is scaled.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalingStatus {
    /// Fewest tasks.
    pub min: u64,
    /// Most tasks.
    pub max: u64,
    /// What is held, and how it is.
    pub measures: Vec<Measured>,
    /// Which way it goes; none if it goes nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Seconds until it may go on the same way; none if it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<i64>,
    /// What is not done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspended: Vec<&'static str>,
    /// What was done last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<ScalingActivity>,
}

/// Something that is held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// `cpu`, `memory`, `requests`, or the name of a metric.
    pub name: String,
    /// The newest value; none if nothing was measured lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What it is to be.
    pub target: f64,
    /// `%`, or nothing.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub unit: &'static str,
}

/// Which way a service goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It gets tasks.
    Out,
    /// It loses tasks.
    In,
    /// It would get tasks, and has as many as it may.
    Most,
}

/// Something that was done, as DescribeScalingActivities tells of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalingActivity {
    /// When it began, in milliseconds since the epoch.
    pub at: Millis,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Millis>,
    /// What, such as `Setting desired count to 3`.
    pub what: String,
    /// Why.
    pub cause: String,
    /// How it stands.
    pub status: String,
    /// The same in words.
    pub message: String,
}

impl ScalingActivity {
    /// Reads one; none if it does not say when it began.
    pub fn read(document: &Document) -> Option<Self> {
        Some(Self {
            at: millis(document.get("StartTime")?)?,
            ended_at: document.get("EndTime").and_then(millis),
            what: text(document, "Description").trim_end_matches('.').to_owned(),
            cause: text(document, "Cause").to_owned(),
            status: text(document, "StatusCode").to_owned(),
            message: text(document, "StatusMessage").to_owned(),
        })
    }

    /// Returns the number of tasks that was set, if its words are as AWS writes them.
    fn count(&self) -> Option<i64> {
        self.what.strip_prefix("Setting desired count to ")?.parse().ok()
    }
}

/// All that is known of how a service is scaled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// What scales it.
    pub(crate) scaled: ScaledService,
    /// Newest values of what policies hold, by the policies' names.
    pub(crate) values: BTreeMap<String, f64>,
    /// Alarms that are raised.
    pub(crate) raised: BTreeSet<String>,
    /// What was done, newest first.
    pub(crate) activities: Vec<ScalingActivity>,
    /// Tasks wanted.
    pub(crate) desired: i64,
    /// Tasks running.
    pub(crate) running: i64,
    /// Now, in milliseconds since the epoch.
    pub(crate) now: Millis,
}

/// Returns how a service stands.
pub(crate) fn standing(facts: &Facts) -> ScalingStatus {
    let (min, max) = facts.scaled.bounds();
    let direction = direction(facts, min, max);
    ScalingStatus {
        min,
        max,
        measures: facts.scaled.policies.iter().filter_map(|policy| measured(policy, facts)).collect(),
        direction,
        cooldown: cooldown(facts),
        suspended: suspended(&facts.scaled.target),
        last: facts.activities.first().cloned(),
    }
}

fn tracking(policy: &Document) -> Option<&Document> {
    policy.get("TargetTrackingScalingPolicyConfiguration").and_then(Value::as_object)
}

fn measured(policy: &Document, facts: &Facts) -> Option<Measured> {
    let configuration = tracking(policy)?;
    let predefined = configuration.get("PredefinedMetricSpecification");
    let kind = predefined.and_then(|one| one.get("PredefinedMetricType")?.as_str()).unwrap_or_default();
    let (name, unit) = match kind {
        kind if kind.contains("CPU") => ("cpu".to_owned(), "%"),
        kind if kind.contains("Memory") => ("memory".to_owned(), "%"),
        "ALBRequestCountPerTarget" => ("requests".to_owned(), ""),
        _ => (custom(configuration), ""),
    };
    let value = facts.values.get(text(policy, "PolicyName")).copied();
    Some(Measured { name, value, target: configuration.get("TargetValue")?.as_f64()?, unit })
}

/// Returns what a metric of one's own is called: by its name, or by the formula's.
fn custom(configuration: &Document) -> String {
    let custom = configuration.get("CustomizedMetricSpecification");
    let mut queries = custom.and_then(|one| one.get("Metrics")?.as_array()).into_iter().flatten();
    let tracked = queries.rfind(|one| one.get("ReturnData").and_then(Value::as_bool).unwrap_or(true));
    let word = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
    let of_math = tracked.and_then(|one| word(one, "Label").or_else(|| word(one, "Id")));
    custom.and_then(|one| word(one, "MetricName")).or(of_math).unwrap_or_else(|| "metric".to_owned())
}

fn alarms<'a>(policy: &'a Document, kind: &'a str) -> impl Iterator<Item = &'a str> {
    let names = items(policy, "Alarms").iter().filter_map(|alarm| alarm.get("AlarmName")?.as_str());
    names.filter(move |name| name.contains(kind))
}

fn direction(facts: &Facts, min: u64, max: u64) -> Option<Direction> {
    let newest = facts.activities.first().filter(|one| one.status == "InProgress");
    if let Some(count) = newest.and_then(ScalingActivity::count).filter(|count| *count != facts.running) {
        return Some(if count > facts.running { Direction::Out } else { Direction::In });
    }
    let desired = u64::try_from(facts.desired).unwrap_or_default();
    let is_raised = |name: &str| facts.raised.contains(name);
    if facts.scaled.policies.iter().any(|policy| alarms(policy, "-AlarmHigh-").any(is_raised)) {
        return Some(if desired < max { Direction::Out } else { Direction::Most });
    }
    // Tasks are taken away only if every policy that may do so says so (user guide, "Target tracking scaling policies").
    let mut lows = facts.scaled.policies.iter().flat_map(|policy| alarms(policy, "-AlarmLow-")).peekable();
    (lows.peek().is_some() && lows.all(is_raised) && desired > min).then_some(Direction::In)
}

/// Returns how long what was done last by a policy is left to take effect.
fn cooldown(facts: &Facts) -> Option<i64> {
    let of = |activity: &ScalingActivity| {
        let (_, name) = activity.cause.split_once("triggered policy ")?;
        let named = |policy: &&Document| text(policy, "PolicyName") == name.trim_end_matches('.');
        let policy = facts.scaled.policies.iter().find(named)?;
        let member = if activity.cause.contains("-AlarmLow-") { "ScaleInCooldown" } else { "ScaleOutCooldown" };
        let step = policy.get("StepScalingPolicyConfiguration").and_then(|one| one.get("Cooldown")?.as_i64());
        let own = tracking(policy).and_then(|one| one.get(member)?.as_i64());
        Some((activity.at, own.or(step).unwrap_or(COOLDOWN)))
    };
    let (at, seconds) = facts.activities.iter().find_map(of)?;
    let left = (at + seconds * 1000 - facts.now + 999).div_euclid(1000);
    (left > 0).then_some(left)
}

fn suspended(target: &Document) -> Vec<&'static str> {
    const PARTS: [(&str, &str); 3] = [
        ("DynamicScalingOutSuspended", "scaling out"),
        ("DynamicScalingInSuspended", "scaling in"),
        ("ScheduledScalingSuspended", "scheduled scaling"),
    ];
    let state = target.get("SuspendedState");
    let is_on = |name: &str| state.and_then(|state| state.get(name)?.as_bool()).unwrap_or(false);
    PARTS.into_iter().filter(|(name, _)| is_on(name)).map(|(_, words)| words).collect()
}

impl ScalingStatus {
    /// Says it in a line; `desired` is how many tasks are wanted.
    pub fn words(&self, desired: i64) -> String {
        let mut parts = vec![format!("{desired} of {}..{} tasks", self.min, self.max)];
        parts.extend(self.measures.iter().map(Measured::words));
        let mut out = parts.join(", ");
        let way = match self.direction {
            Some(Direction::Out) => Some("scaling out"),
            Some(Direction::In) => Some("scaling in"),
            Some(Direction::Most) => Some("as many as may be"),
            None => None,
        };
        let cooldown = self.cooldown.map(|left| format!("cool-down {left} s"));
        let suspended = (!self.suspended.is_empty()).then(|| format!("suspended: {}", self.suspended.join(", ")));
        let rest: Vec<String> = way.map(str::to_owned).into_iter().chain(cooldown).chain(suspended).collect();
        if !rest.is_empty() {
            out.push_str(": ");
            out.push_str(&rest.join(", "));
        }
        out
    }
}

impl Measured {
    fn words(&self) -> String {
        let shown = |value: f64| {
            let text = if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
            let text = text.strip_suffix(".0").map(str::to_owned).unwrap_or(text);
            if self.unit.is_empty() { text } else { format!("{text} {}", self.unit) }
        };
        let value = self.value.map_or_else(|| "unknown".to_owned(), shown);
        format!("{} {value} of {}", self.name, shown(self.target))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::object;

    /// A service of 2 to 6 tasks with a policy of CPU (60 %, cool-downs of 60 and 120 s) and one of a queue; `raised` are
    /// beginnings of alarms, `done` an activity `WHEN STATUS COUNT ALARM` in seconds.
    fn check(counts: (i64, i64), cpu: Option<f64>, raised: &[&str], done: Option<&str>, expected: &str) {
        let policy = |name: &str, configuration: Value| {
            let alarm = |kind: &str| json!({ "AlarmName": format!("TargetTracking-service/c/s-{kind}-{name}") });
            object(json!({
                "PolicyName": name, "TargetTrackingScalingPolicyConfiguration": configuration,
                "Alarms": [alarm("AlarmHigh"), alarm("AlarmLow")],
            }))
        };
        let kind = json!({ "PredefinedMetricType": "ECSServiceAverageCPUUtilization" });
        let cpu_policy = json!({
            "TargetValue": 60, "PredefinedMetricSpecification": kind, "ScaleOutCooldown": 60, "ScaleInCooldown": 120,
        });
        let queue = json!({ "TargetValue": 2.5, "CustomizedMetricSpecification": { "MetricName": "Queue" } });
        let activity = done.map(|words| {
            let parts: Vec<&str> = words.split(' ').collect();
            let cause = format!("monitor alarm TargetTracking-x-{}-1 in state ALARM triggered policy cpu", parts[3]);
            object(json!({
                "StartTime": parts[0].parse::<f64>().unwrap(), "StatusCode": parts[1], "Cause": cause,
                "Description": format!("Setting desired count to {}.", parts[2]),
            }))
        });
        let facts = Facts {
            scaled: ScaledService {
                target: object(json!({ "MinCapacity": 2, "MaxCapacity": 6 })),
                policies: vec![policy("cpu", cpu_policy), policy("queue", queue)],
                actions: Vec::new(),
            },
            values: cpu.map(|value| ("cpu".to_owned(), value)).into_iter().collect(),
            raised: raised.iter().map(|name| format!("TargetTracking-service/c/s-{name}")).collect(),
            activities: activity.iter().filter_map(ScalingActivity::read).collect(),
            desired: counts.0,
            running: counts.1,
            now: 1_000_000,
        };
        assert_eq!(standing(&facts).words(counts.0), expected);
    }

    #[test]
    fn a_line_says_where_a_service_is_and_where_it_goes() {
        let high = ["AlarmHigh-cpu"];
        check(
            (3, 2),
            Some(71.2),
            &high,
            Some("980 InProgress 3 AlarmHigh"),
            "3 of 2..6 tasks, cpu 71 % of 60 %, Queue unknown of 2.5: scaling out, cool-down 40 s",
        );
        check((3, 3), Some(58.0), &[], None, "3 of 2..6 tasks, cpu 58 % of 60 %, Queue unknown of 2.5");
        check(
            (6, 6),
            Some(90.0),
            &high,
            Some("900 Successful 6 AlarmHigh"),
            "6 of 2..6 tasks, cpu 90 % of 60 %, Queue unknown of 2.5: as many as may be",
        );
        check((3, 3), Some(90.0), &high, None, "3 of 2..6 tasks, cpu 90 % of 60 %, Queue unknown of 2.5: scaling out");
    }

    #[test]
    fn tasks_are_taken_away_only_if_all_say_so() {
        let (one, both) = (["AlarmLow-cpu"], ["AlarmLow-cpu", "AlarmLow-queue"]);
        check((3, 3), None, &one, None, "3 of 2..6 tasks, cpu unknown of 60 %, Queue unknown of 2.5");
        check((3, 3), None, &both, None, "3 of 2..6 tasks, cpu unknown of 60 %, Queue unknown of 2.5: scaling in");
        check((2, 2), None, &both, None, "2 of 2..6 tasks, cpu unknown of 60 %, Queue unknown of 2.5");
        check(
            (2, 3),
            None,
            &both,
            Some("990 InProgress 2 AlarmLow"),
            "2 of 2..6 tasks, cpu unknown of 60 %, Queue unknown of 2.5: scaling in, cool-down 110 s",
        );
    }
}
