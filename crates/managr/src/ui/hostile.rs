//! Every printer, given what an attacker would write: a log, a reason, a name, a message.

use deploy::scaling::{Measured, ScalingActivity, ScalingStatus};
use deploy::schedules::{Run, RunOutcome, ScheduleStatus, Schedules, Wrote};
use deploy::tasks::Row;
use deploy::timeline::{TimelineEntry, TimelineSubject};
use deploy::watch::{Cause, End, Loss, LossCause, TargetView};
use deploy::{FailedSchedule, ServiceStatus, StageError, Status};
use deploy_core::manifest::Via;
use deploy_core::plan::{Risk, RiskKind};
use proptest::prelude::*;
use serde_json::json;

use super::schedules::{Told, table};
use super::{Paint, history, logs, ps, report, timeline, visible};
use crate::failure::Failure;

fn loss(text: &str) -> Loss {
    let own = || text.to_owned();
    let cause = Cause {
        container: Some(own()),
        exit_code: Some(1),
        stop_code: own(),
        reason: own(),
        tasks: vec![own(), own()],
    };
    Loss {
        service: own(),
        end: End::Failed,
        reason: own(),
        now: own(),
        causes: vec![LossCause { cause, health: Some(own()), log: vec![own()], spoke: Some(own()) }],
        targets: vec![TargetView { target: own(), health: own(), reason: own() }],
        waiting: vec![own()],
    }
}

fn row(text: &str) -> Row {
    let task = json!({"taskArn": format!("a/{text}"), "taskDefinitionArn": text, "lastStatus": text, "startedBy": text,
        "stopCode": text, "stoppedReason": text, "containers": [{"name": text, "image": text, "lastStatus": "STOPPED",
        "reason": text, "exitCode": 1}]});
    Row::read(text, task.as_object().expect("an object"))
}

fn run(text: &str) -> Run {
    let outcome = RunOutcome::Failed { code: Some(1), reason: text.to_owned() };
    let (task, revision) = (text.to_owned(), text.to_owned());
    Run { task, revision, by_hand: true, at: 0, started: Some(0), stopped: Some(0), outcome }
}

fn schedules(text: &str) -> String {
    let own = || text.to_owned();
    let one = ScheduleStatus {
        schedule: own(),
        name: own(),
        group: Some(own()),
        via: Via::Scheduler,
        exists: true,
        expression: own(),
        timezone: own(),
        enabled: true,
        enabled_in_manifest: None,
        next: Some(0),
        revision: own(),
        release: None,
        last: Some(run(text)),
        wrote: None,
    };
    let page = json!({"schedules": [{"kind": "schedule", "name": text, "group": text, "region": "r", "next": 0,
        "failure": {"at": 0, "error": text}}]});
    let mut known = one.clone();
    let told = Told::add(&page, "r", &mut known);
    assert!(told.is_some(), "{page}");
    let gone = ScheduleStatus { last: None, wrote: Some(Wrote { task: own(), at: 0 }), ..one };
    let all = Schedules { app: own(), stage: own(), schedules: vec![known, gone], notes: vec![own()] };
    table(&all, &[told, None], 0, &jiff::tz::TimeZone::UTC, Paint::Plain)
}

fn status(text: &str) -> Status {
    let own = || text.to_owned();
    let service = ServiceStatus {
        service: own(),
        name: own(),
        exists: true,
        url: Some(own()),
        revision: own(),
        rollout: own(),
        desired: 1,
        running: 0,
        tasks: vec![row(text).task],
        stopping: 1,
        failures: vec![loss(text).causes[0].cause.clone()],
        targets: loss(text).targets,
        discover: Some(deploy::FoundBy { name: own(), registered: None }),
        unreached: Some(own()),
        scaling: Some(scaling(text)),
        usage: None,
        stale: Vec::new(),
    };
    let failed_schedules = vec![FailedSchedule { schedule: own(), run: run(text) }];
    let databases = vec![deploy::databases::DatabaseStatus {
        database: own(),
        instance: own(),
        status: Some(own()),
        version: Some(own()),
        class: Some(own()),
        storage: Some(20),
        endpoint: Some(own()),
    }];
    let (services, notes) = (vec![service], vec![own()]);
    Status { app: own(), stage: own(), cluster: own(), services, databases, failed_schedules, notes }
}

/// What scales a service by a metric of this name.
fn scaling(text: &str) -> ScalingStatus {
    let measures = vec![Measured { name: text.to_owned(), value: Some(1.0), target: 2.0, unit: "" }];
    let (direction, cooldown, last) = (None, None, Some(activity(text)));
    ScalingStatus { min: 1, max: 2, measures, direction, cooldown, suspended: Vec::new(), last }
}

fn activity(text: &str) -> ScalingActivity {
    let own = || text.to_owned();
    ScalingActivity { at: 0, ended_at: None, what: own(), cause: own(), status: own(), message: own() }
}

/// A risk at a load balancer, whose rules and groups have other people's words in them.
fn risk(text: &str) -> Risk {
    let (words, place, remedy) = (text.to_owned(), text.to_owned(), text.to_owned());
    Risk { kind: RiskKind::TrafficMoves, words, place, remedy }
}

/// What every printer makes of a text.
fn printed(text: &str) -> Vec<String> {
    let paint = Paint::Plain;
    let entry = |kind| TimelineEntry {
        at: 0,
        kind,
        service: text.to_owned(),
        task: text.to_owned(),
        container: text.to_owned(),
        message: text.to_owned(),
    };
    vec![
        report::story(&loss(text), paint),
        report::failure(text, &loss(text).causes[0], paint),
        report::explain(StageError::Lost { losses: vec![loss(text)] }, paint).render(paint),
        report::explain(StageError::Risks { risks: vec![risk(text)] }, paint).render(paint),
        report::explain(StageError::Unreached { risk: risk(text) }, paint).render(paint),
        report::status(&status(text), 0, paint),
        schedules(text),
        Failure::new(text).hint(text).render(paint),
        ps::table(&[row(text)], 0, paint),
        history::table(&[], &[(text.to_owned(), activity(text))], paint),
        timeline::text(
            &[entry(TimelineSubject::Log), entry(TimelineSubject::Task), entry(TimelineSubject::Service)],
            paint,
        ),
    ]
}

#[test]
fn nobody_elses_words_stand_where_ours_begin() {
    for text in printed("x\nrelease 9 succeeded\r\u{1b}[1A\u{1b}[2Krelease 9 succeeded") {
        assert!(!text.lines().any(|line| line.starts_with("release 9")), "{text}");
        assert!(!text.contains(['\u{1b}', '\r']), "{text}");
    }
}

#[test]
fn a_log_line_has_its_containers_name_before_each_of_its_lines() {
    let names = || vec!["web".to_owned(), "db".to_owned()];
    let mut printer = logs::Printer::new(Paint::Plain, logs::Look::default(), names(), names(), None);
    let line = |message: &str| deploy::logs::Line {
        at: 0,
        container: "web".into(),
        task: "1".into(),
        message: message.into(),
    };
    assert_eq!(printer.text(&[line("a\ndb  | b")]), "web | a\nweb | db  | b");
}

proptest! {
    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey(text in "(\\PC|\\p{C}|\u{1b}\\[2K|\n|\r){0,12}") {
        for out in printed(&text) {
            let shown = visible::page(&out);
            prop_assert!(!shown.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')), "{:?}", shown);
            prop_assert!(!shown.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}']), "{:?}", shown);
        }
    }
}
