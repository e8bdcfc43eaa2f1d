//! Schedules as people read them: a few lines for each. Pure.

use std::fmt::Write;

use aws_model::Millis;
use deploy::schedules::{Run, RunOutcome, ScheduleStatus, Schedules};
use deploy_core::manifest::Via;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};

use super::Paint;
use super::progress::short;
use super::ps::age;
use super::visible::word;

/// What the embedded platform knows of a schedule beside what AWS tells.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Told {
    /// How many firings were missed while it did not run.
    missed: u64,
    /// When the last of them should have been.
    missed_at: Option<Millis>,
    /// Why the last start that failed did, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<(Millis, String)>,
}

impl Told {
    /// Reads what the platform tells of one schedule, and puts the time that it knows in the place of what was computed.
    pub(crate) fn add(page: &Value, region: &str, status: &mut ScheduleStatus) -> Option<Self> {
        let kind = if status.via == Via::Rule { "rule" } else { "schedule" };
        let is_its = |one: &&Value| {
            one["kind"] == kind
                && one["name"] == status.name.as_str()
                && one["region"] == region
                && (status.via == Via::Rule || one["group"].as_str() == status.group.as_deref())
        };
        let found = page["schedules"].as_array()?.iter().find(is_its)?;
        status.next = millis(&found["next"]).filter(|_| status.enabled);
        let (failure, fired_at) = (&found["failure"], millis(&found["firedAt"]));
        Some(Self {
            missed: found["missed"].as_u64().unwrap_or_default(),
            missed_at: millis(&found["missedAt"]),
            // One that is over stays in the platform's story.
            failure: millis(&failure["at"])
                .filter(|at| Some(*at) >= fired_at)
                .map(|at| (at, failure["error"].as_str().unwrap_or_default().to_owned())),
        })
    }
}

/// Returns an instant of the platform's pages in milliseconds since the epoch.
pub(crate) fn millis(seconds: &Value) -> Option<Millis> {
    #[expect(clippy::cast_possible_truncation, reason = "times of this century fit")]
    seconds.as_f64().map(|seconds| (seconds * 1000.0).round() as Millis)
}

/// Returns the document of `--json`.
pub(crate) fn shown(found: &Schedules, told: &[Option<Told>], here: &TimeZone) -> Value {
    let mut all = json!(found);
    let list = all["schedules"].as_array_mut().into_iter().flatten();
    for ((one, status), told) in list.zip(&found.schedules).zip(told) {
        one["nextLocal"] = json!(status.next.and_then(|at| rfc3339(at, here)));
        one["nextUtc"] =
            json!(status.next.and_then(|at| Timestamp::from_millisecond(at).ok()).map(|at| at.to_string()));
        if let Some(told) = told {
            one["platform"] = json!(told);
        }
    }
    all
}

fn rfc3339(at: Millis, zone: &TimeZone) -> Option<String> {
    let at = Timestamp::from_millisecond(at).ok()?.to_zoned(zone.clone());
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// Returns all schedules of a stage as text; `here` is the zone of this machine.
pub(crate) fn table(found: &Schedules, told: &[Option<Told>], now: Millis, here: &TimeZone, paint: Paint) -> String {
    let mut out = String::new();
    for (one, told) in found.schedules.iter().zip(told) {
        schedule(&mut out, one, told.as_ref(), now, here, paint);
    }
    for note in &found.notes {
        let _ = writeln!(out, "{}", paint.dim(&word(note)));
    }
    out
}

fn schedule(out: &mut String, one: &ScheduleStatus, told: Option<&Told>, now: Millis, here: &TimeZone, paint: Paint) {
    let by = match (one.via, one.timezone.as_str()) {
        (Via::Rule, _) => "rule".to_owned(),
        (Via::Scheduler, zone) => format!("scheduler, {zone}"),
    };
    let _ = writeln!(out, "{}  {}  {}", paint.bold(&word(&one.schedule)), word(&one.expression), paint.dim(&word(&by)));
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "  {name:<7} {text}");
    };
    match (one.exists, one.enabled, one.next) {
        (false, ..) => line("next", &paint.yellow("it is not there: no deploy has made it")),
        (_, false, _) => line("next", &paint.yellow(&off(one))),
        (.., Some(next)) => line("next", &moment(next, now, &one.timezone, here)),
        (.., None) if one.expression.starts_with("rate(") => {
            line("next", "not known: AWS tells nobody when a rate is counted from; the next run tells");
        }
        (.., None) => line("next", "never again"),
    }
    match (&one.last, &one.wrote) {
        (Some(run), _) => {
            let text = last(run, one.release, now);
            line("last", &if run.has_failed() { paint.red(&text) } else { text });
        }
        (None, Some(wrote)) => {
            let ago = age(now - wrote.at);
            let text = format!("{ago} ago, task {}: ECS does not remember how it ended", short(&wrote.task));
            line("last", &word(&text));
        }
        (None, None) if one.exists => line("last", "no run that ECS remembers (an hour)"),
        (None, None) => {}
    }
    let Some(told) = told else { return };
    if let Some((at, error)) = &told.failure {
        line("failed", &paint.red(&word(&format!("{} ago nothing was started: {error}", age(now - at)))));
    }
    if told.missed > 0 {
        let last = told.missed_at.map(|at| format!(", the last {} ago", age(now - at))).unwrap_or_default();
        let text = format!("{} while the platform did not run{last}; they are not caught up", told.missed);
        line("missed", &paint.yellow(&text));
    }
}

fn off(one: &ScheduleStatus) -> String {
    match one.enabled_in_manifest {
        Some(true) => "disabled; the manifest says `enabled = true`, so the next deploy enables it".to_owned(),
        Some(false) => "disabled, as the manifest says".to_owned(),
        None => "disabled".to_owned(),
    }
}

/// Returns a moment in the zone of this machine, in that of the schedule and in UTC, each once.
fn moment(at: Millis, now: Millis, zone: &str, here: &TimeZone) -> String {
    let Ok(instant) = Timestamp::from_millisecond(at) else { return String::new() };
    let mut said: Vec<(String, String)> = Vec::new();
    let own = timetable::Zone::named(zone).and_then(|zone| zone.wall(at));
    let all = [
        (Some(here.to_datetime(instant)), "here".to_owned()),
        (own, word(zone).into_owned()),
        (Some(TimeZone::UTC.to_datetime(instant)), "UTC".to_owned()),
    ];
    for (wall, name) in all {
        let Some(wall) = wall else { continue };
        let clock = wall.strftime("%Y-%m-%d %H:%M:%S").to_string();
        match said.iter_mut().find(|(known, _)| *known == clock) {
            Some((_, names)) if names.split(", ").all(|known| known != name) => *names += &format!(", {name}"),
            Some(_) => {}
            None => said.push((clock, name)),
        }
    }
    let said: Vec<String> = said.into_iter().map(|(clock, names)| format!("{clock} ({names})")).collect();
    format!("in {}: {}", age(at - now), said.join(" = "))
}

fn last(run: &Run, release: Option<u64>, now: Millis) -> String {
    let took = match (&run.outcome, run.started, run.stopped) {
        (RunOutcome::Running, Some(started), _) => format!(", for {}", age(now - started)),
        (_, Some(started), Some(stopped)) => format!(", after {}", age(stopped - started)),
        _ => String::new(),
    };
    let by = if run.by_hand { ", by hand" } else { "" };
    let release = release.map(|number| format!(", release {number}")).unwrap_or_default();
    let text = format!(
        "{} ago{by}: {}{took} (task {}, {}{release})",
        age(now - run.at),
        run.outcome.words(),
        short(&run.task),
        run.revision
    );
    word(&text).into_owned()
}

/// Returns the line of `status` about a schedule whose last run failed.
pub(crate) fn failed(schedule: &str, stage: &str, run: &Run, now: Millis) -> String {
    let words = run.outcome.words();
    let ago = age(now - run.at);
    format!(
        "schedule {schedule}: its last run failed, {ago} ago: {words}; managr logs {stage} --task {}",
        short(&run.task)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2027-03-27T12:00:00Z, a day before clocks go forward in Berlin.
    const NOW: Millis = 1_806_148_800_000;

    fn status(via: Via, timezone: &str) -> ScheduleStatus {
        ScheduleStatus {
            schedule: "nightly".into(),
            name: "demo-nightly-prod".into(),
            group: None,
            via,
            exists: true,
            expression: "cron(0 6 * * ? *)".into(),
            timezone: timezone.into(),
            enabled: true,
            enabled_in_manifest: None,
            next: Some(NOW + 16 * 3_600_000),
            revision: "demo-nightly-task-prod:3".into(),
            release: Some(4),
            last: None,
            wrote: None,
        }
    }

    fn run(outcome: RunOutcome) -> Run {
        let (at, started, stopped) = (NOW - 7_200_000, Some(NOW - 7_195_000), Some(NOW - 7_185_000));
        let revision = "demo-nightly-task-prod:3".into();
        Run { task: "0123456789abcdef".into(), revision, by_hand: false, at, started, stopped, outcome }
    }

    fn text(one: ScheduleStatus, told: Option<Told>, here: &TimeZone) -> String {
        let found = Schedules { app: "demo".into(), stage: "prod".into(), schedules: vec![one], notes: Vec::new() };
        table(&found, &[told], NOW, here, Paint::Plain)
    }

    #[test]
    fn a_time_is_told_here_there_and_in_utc() {
        let new_york = TimeZone::get("America/New_York").unwrap();
        let one = ScheduleStatus {
            last: Some(run(RunOutcome::Failed { code: Some(3), reason: "OutOfMemoryError".into() })),
            ..status(Via::Scheduler, "Europe/Berlin")
        };
        insta::assert_snapshot!(text(one, None, &new_york), @r"
        nightly  cron(0 6 * * ? *)  scheduler, Europe/Berlin
          next    in 16h 0m: 2027-03-28 00:00:00 (here) = 2027-03-28 06:00:00 (Europe/Berlin) = 2027-03-28 04:00:00 (UTC)
          last    2h 0m ago: exit code 3: OutOfMemoryError, after 10s (task 01234567, demo-nightly-task-prod:3, release 4)
        ");
        insta::assert_snapshot!(text(status(Via::Rule, "UTC"), None, &TimeZone::UTC), @r"
        nightly  cron(0 6 * * ? *)  rule
          next    in 16h 0m: 2027-03-28 04:00:00 (here, UTC)
          last    no run that ECS remembers (an hour)
        ");
    }

    #[test]
    fn what_does_not_fire_says_why_and_what_was_missed_is_not_caught_up() {
        let off =
            |said| ScheduleStatus { enabled: false, next: None, enabled_in_manifest: said, ..status(Via::Rule, "UTC") };
        let told = Told {
            missed: 2,
            missed_at: Some(NOW - 60_000),
            failure: Some((NOW - 120_000, "AccessDenied: no".into())),
        };
        insta::assert_snapshot!(text(off(Some(true)), Some(told), &TimeZone::UTC), @r"
        nightly  cron(0 6 * * ? *)  rule
          next    disabled; the manifest says `enabled = true`, so the next deploy enables it
          last    no run that ECS remembers (an hour)
          failed  2m 0s ago nothing was started: AccessDenied: no
          missed  2 while the platform did not run, the last 60s ago; they are not caught up
        ");
        let absent = ScheduleStatus { exists: false, ..off(None) };
        assert!(text(absent, None, &TimeZone::UTC).contains("no deploy has made it"));
    }

    #[test]
    fn the_platform_knows_when_a_rate_is_due() {
        let mut one = ScheduleStatus { next: None, ..status(Via::Scheduler, "UTC") };
        one.group = Some("default".into());
        let page = |group: &str| {
            json!({"schedules": [
                {"kind": "rule", "name": "demo-nightly-prod", "region": "r", "next": 1},
                {"kind": "schedule", "name": "demo-nightly-prod", "group": group, "region": "r", "next": 2.5, "missed": 1,
                    "missedAt": 1.0, "failure": null}]})
        };
        assert_eq!(Told::add(&page("other"), "r", &mut one), None);
        assert_eq!(Told::add(&page("default"), "elsewhere", &mut one), None);
        let told = Told::add(&page("default"), "r", &mut one);
        assert_eq!((one.next, told), (Some(2500), Some(Told { missed: 1, missed_at: Some(1000), failure: None })));
    }
}
