//! What must be done so that a stage runs an earlier release again? Never a build, never the
//! release command.

use std::collections::BTreeMap;

use aws_model::Document;
use aws_model::register::COMPUTED;
use serde_json::{Value, json};

use super::controller::Controller;
use super::decide::bare;
use super::service::{short, text};
use super::{
    Action, Mark, Observed, ObservedSchedule, Plan, PlannedImage, Step, VERSION, risk, schedule, scheduler, token,
};
use crate::desired::Desired;
use crate::diff::{Change, Difference, task_definition_changes};
use crate::release::Release;

/// Returns what must be done so that a stage runs an earlier release again.
///
/// Counts, load balancers and schedules' times stay as they are: a release is its revisions.
/// `observed.revisions` has those of the release, as far as ECS still describes them.
pub fn restore(desired: &Desired, observed: &Observed, account: &str, release: &Release) -> Plan {
    let mut parts = Parts::default();
    for (name, wanted) in &release.services {
        let Some(live) = observed.services.get(name) else {
            parts.notes.push(format!("service {name} of release {} is not there any more", release.number));
            continue;
        };
        let running = text(live, "taskDefinition");
        if short(running) == short(wanted) {
            parts.services.insert(name.clone(), wanted.clone());
            continue;
        }
        let arn = parts.revision(wanted, observed);
        let request = json!({ "cluster": desired.cluster, "service": name, "taskDefinition": arn });
        let request = request.as_object().cloned().unwrap_or_default();
        let mut difference = match (observed.revisions.get(running), observed.revisions.get(wanted)) {
            (Some(before), Some(after)) => task_definition_changes(before, after),
            _ => Difference::default(),
        };
        let risks: Vec<_> = risk::of_task_definition(&difference, observed)
            .into_iter()
            // Moving back is what was asked for.
            .filter(|risk| risk.kind != super::RiskKind::ImageMovedBack)
            .chain(risk::of_service(&request, live, &Difference::default(), true))
            .collect();
        difference.changes.insert(0, moved(running, wanted));
        let moves = Difference { changes: vec![moved(running, wanted)], unchanged: Vec::new() };
        let refused = Controller::of(live).and_then(|other| other.refused(&moves, false));
        let risks = risks.into_iter().chain(refused).collect();
        let action = Action::UpdateService { request };
        parts.updates.push(Step { difference, risks, ..bare(Mark::Update, "service", name, action) });
        parts.services.insert(name.clone(), arn);
    }
    for (rule, wanted) in &release.schedules {
        let scheduled = observed.scheduler.as_ref().and_then(|found| found.get(rule));
        let of_rule = observed.schedules.as_ref().and_then(|schedules| schedules.get(rule));
        // Whatever fires it goes on doing so.
        let known = match (scheduled.and_then(schedule::target_of), of_rule) {
            (Some(target), _) => Some((None, target.clone())),
            (None, seen) => seen.and_then(|seen| Some((Some(seen), seen.target.clone()?))),
        };
        let Some((seen, mut target)) = known else {
            parts.notes.push(format!("schedule {rule} of release {} is not there any more", release.number));
            continue;
        };
        let running = target.get("EcsParameters").and_then(|ecs| ecs.get("TaskDefinitionArn")).and_then(Value::as_str);
        let running = running.unwrap_or_default().to_owned();
        // A release that was recorded before there was a word for it leaves what is said over a task as it is.
        let overrides = release.overrides.get(rule).filter(|overrides| !schedule::says(&target, overrides));
        if running == *wanted && overrides.is_none() {
            parts.schedules.insert(rule.clone(), wanted.clone());
            continue;
        }
        let arn = parts.revision(wanted, observed);
        let mut difference = Difference { changes: Vec::new(), unchanged: Vec::new() };
        if running != *wanted {
            difference.changes.push(moved(&running, wanted));
        }
        if let Some(overrides) = overrides {
            let (path, before) = (vec!["overrides".to_owned()], target.get("Input").cloned());
            let after = Some(schedule::input(overrides)).filter(|after| !after.is_null());
            difference.changes.push(Change { path, before, after });
            schedule::say(&mut target, overrides);
        }
        if let Some(ecs) = target.get_mut("EcsParameters").and_then(Value::as_object_mut) {
            ecs.insert("TaskDefinitionArn".to_owned(), arn.as_str().into());
        }
        let kept = ["Name", "ScheduleExpression", "Description", "State", "RoleArn", "EventBusName"];
        let of_rule = |seen: &ObservedSchedule| -> Document {
            kept.iter().filter_map(|name| Some(((*name).to_owned(), seen.rule.get(*name)?.clone()))).collect()
        };
        let action = match (seen, scheduled) {
            (None, Some(scheduled)) => {
                let mut request = scheduler::said_again(scheduled);
                request.insert("Target".to_owned(), Value::Object(target));
                Action::SetSchedule { request, is_there: true, replaces: None }
            }
            (seen, _) => Action::PutSchedule { rule: seen.map(of_rule).unwrap_or_default(), target, replaces: None },
        };
        parts.updates.push(Step { difference, ..bare(Mark::Update, "schedule", rule, action) });
        parts.schedules.insert(rule.clone(), arn);
    }
    let image = |(name, reference): (&String, &String)| PlannedImage {
        name: name.clone(),
        tag: release.tag.clone().unwrap_or_default(),
        reference: reference.clone(),
        missing: false,
    };
    let mut steps = parts.registrations;
    steps.extend(parts.updates);
    Plan {
        version: VERSION,
        app: desired.app.clone(),
        stage: desired.stage.clone(),
        account: account.to_owned(),
        region: desired.region.clone(),
        cluster: desired.cluster.clone(),
        state: observed.state(),
        git: release.git.clone(),
        images: release.images.iter().map(image).collect(),
        restores: Some(release.number),
        steps,
        services: parts.services,
        schedules: parts.schedules,
        overrides: release.overrides.clone(),
        notes: parts.notes,
        findings: Vec::new(),
    }
}

#[derive(Default)]
struct Parts {
    registrations: Vec<Step>,
    updates: Vec<Step>,
    services: BTreeMap<String, String>,
    schedules: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl Parts {
    /// Returns the revision to name: a deregistered one is registered again, as ECS takes none
    /// that is INACTIVE.
    fn revision(&mut self, wanted: &str, observed: &Observed) -> String {
        let gone = observed.revisions.get(wanted).filter(|document| text(document, "status") == "INACTIVE");
        let Some(gone) = gone else { return wanted.to_owned() };
        let family = text(gone, "family").to_owned();
        let mut document = gone.clone();
        for key in COMPUTED {
            document.shift_remove(key);
        }
        let arn = token::revision(&document);
        let action = Action::Register { document };
        // A service and a schedule may have run the same one.
        if self.registrations.iter().all(|step| step.action != action) {
            let detail = format!("{} was deregistered", short(wanted));
            self.registrations.push(Step { detail, ..bare(Mark::Create, "task definition", &family, action) });
        }
        arn
    }
}

fn moved(before: &str, after: &str) -> Change {
    let path = vec!["taskDefinition".to_owned()];
    Change { path, before: Some(short(before).into()), after: Some(short(after).into()) }
}
