//! What must be done so that a stage is what the manifest says? Nothing, when it is.

use std::collections::BTreeMap;

use aws_model::Document;
use serde_json::Value;

use super::service::{self, Revision, text};
use super::{
    Action, Force, Mark, Observed, Plan, PlannedImage, Step, VERSION, database, discovery, further, scaling, schedule, scheduler,
    ways,
};
use crate::desired::{Desired, Git, ReleaseSpec, ScheduleDoc, ServiceDoc, has_gate};
use crate::diff::Difference;
use crate::entry;
use crate::gate;
use crate::manifest::{LOCAL, Via};
use crate::top::Insights;

/// Returns what must be done so that a stage is what the manifest says.
///
/// `desired` was made with the facts of `observed`: ARNs where they are known, tokens where not.
pub fn plan(desired: &Desired, observed: &Observed, account: &str, git: &Git, images: Vec<PlannedImage>) -> Plan {
    let desired = &*further::with_further(desired, observed);
    let desired = &*discovery::with_leaving(desired, observed);
    let mut steps = foundation(desired, observed);
    steps.extend(database::steps(desired, &observed.databases));
    steps.extend(discovery::steps(desired, &observed.discovery));
    let mut ways = ways::decide(desired, observed);
    steps.append(&mut ways.steps);
    let secret_changed = observed.secret.arn.is_some() && !observed.secret.changes.is_empty();
    let mut registrations = Vec::new();
    let (mut services, mut schedules) = (BTreeMap::new(), BTreeMap::new());
    let (mut updates, mut notes) = (Vec::new(), Vec::new());
    for service in &desired.services {
        let Some(task) = desired.service_task(&service.service) else { continue };
        let live = observed.services.get(&service.name);
        let running = live.map(|live| text(live, "taskDefinition"));
        let Revision { arn, step } = service::revision(&task.family, &task.document, running, observed);
        if let (Some(step), Some(release)) = (&step, release(service, &task.document)) {
            debug_assert!(matches!(step.action, Action::Register { .. }), "only a new revision is released");
            steps.push(release);
        }
        let is_known = |step: &Step| registrations.iter().any(|other: &Step| other.action == step.action);
        registrations.extend(step.filter(|step| !is_known(step)));
        let why = why_replaced(secret_changed, observed.force, &task.document);
        updates.extend(service::step(service, &arn, why, observed).map(|mut step| {
            step.risks.extend(ways.moving(service));
            step
        }));
        services.insert(service.name.clone(), arn);
    }
    for (via, service) in [(Via::Rule, "EventBridge"), (Via::Scheduler, "EventBridge Scheduler")] {
        let is_its = |doc: &&ScheduleDoc| doc.via == via && !is_served(observed, doc);
        let names: Vec<&str> = desired.schedules.iter().filter(is_its).map(|doc| doc.name.as_str()).collect();
        if !names.is_empty() {
            notes.push(format!("not made here: schedule {}: the endpoint does not serve {service}", names.join(", ")));
        }
    }
    let cluster_arn = format!("arn:aws:ecs:{}:{account}:cluster/{}", desired.region, desired.cluster);
    let mut of_schedules = Vec::new();
    for doc in &desired.schedules {
        let Some(task) = desired.schedule_task(&doc.name).filter(|_| is_served(observed, doc)) else { continue };
        let rule = observed.schedules.as_ref().and_then(|rules| rules.get(&doc.rule));
        let scheduled = observed.scheduler.as_ref().and_then(|found| found.get(&doc.rule));
        let by_rule = rule.and_then(|rule| scheduler::running(rule.target.as_ref()?));
        let by_scheduler = scheduled.and_then(|found| scheduler::running(schedule::target_of(found)?));
        let running = match doc.via {
            Via::Rule => by_rule.or(by_scheduler),
            Via::Scheduler => by_scheduler.or(by_rule),
        };
        // What runs the task of a service runs its revision, whatever else there is.
        let of_service = desired.schedule_service(doc).and_then(|service| services.get(&service.name).cloned());
        let Revision { arn, step } = match of_service {
            Some(arn) => Revision { arn, step: None },
            None => service::revision(&task.family, &task.document, running, observed),
        };
        // Two that would register the same document share the revision.
        let is_known =
            |step: &Step| registrations.iter().chain(&of_schedules).any(|other: &Step| other.action == step.action);
        of_schedules.extend(step.filter(|step| !is_known(step)));
        // One that starts whatever is the newest of its family goes on doing so, as long as that is what is registered here.
        let is_alone = desired.task_definitions.iter().filter(|other| other.family == task.family).count() == 1;
        let starts = running.filter(|_| is_alone && schedule::follows(running, &task.family)).unwrap_or(&arn);
        updates.extend(match doc.via {
            Via::Rule => schedule::step(doc, &cluster_arn, starts, rule, scheduled),
            Via::Scheduler => scheduler::step(doc, &cluster_arn, starts, scheduled, rule),
        });
        schedules.insert(doc.rule.clone(), arn);
    }
    // What schedules start has its revision by now; what only people start is registered for them.
    for (name, task) in desired.standalone() {
        let is_started = |doc: &ScheduleDoc| doc.service.as_deref() == Some(name) && is_served(observed, doc);
        if !desired.schedules.iter().any(is_started) {
            let step = service::revision(&task.family, &task.document, None, observed).step;
            let is_known =
                |step: &Step| registrations.iter().chain(&of_schedules).any(|other: &Step| other.action == step.action);
            of_schedules.extend(step.filter(|step| !is_known(step)));
        }
    }
    notes.extend(release_notes(&steps, &observed.entrypoints));
    notes.extend(gate_notes(desired, &of_schedules, observed, &cluster_arn));
    // Of a family that both have, the newest revision is a service's: users of the latest must not get a schedule's.
    for doc in desired.schedules.iter().filter(|doc| desired.schedule_service(doc).is_none()) {
        let shared = desired.services.iter().find(|service| service.family == doc.family);
        notes.extend(shared.map(|service| {
            format!(
                "schedule {} and service {} register revisions of one family, {}: its latest revision may be either's",
                doc.rule, service.name, doc.family
            )
        }));
    }
    let is_shared = |step: &Step| desired.services.iter().any(|service| service.family == step.name);
    let (before, after): (Vec<Step>, Vec<Step>) = of_schedules.into_iter().partition(is_shared);
    steps.extend(before);
    steps.extend(registrations);
    steps.extend(after);
    steps.extend(updates);
    // What moves numbers of tasks comes once the services are there.
    steps.extend(scaling::steps(desired, observed));
    notes.extend(scaling::notes(desired, observed));
    notes.extend(observed.routes.unseen.iter().cloned());
    notes.extend(discovery::notes(observed));
    notes.extend(observed.strangers.iter().map(|name| {
        format!("service {name} is not in the manifest and is left alone: `aws ecs delete-service` removes it")
    }));
    Plan {
        version: VERSION,
        app: desired.app.clone(),
        stage: desired.stage.clone(),
        account: account.to_owned(),
        region: desired.region.clone(),
        cluster: desired.cluster.clone(),
        state: observed.state(),
        git: git.clone(),
        images,
        restores: None,
        steps,
        services,
        overrides: overrides(desired, &schedules),
        schedules,
        notes,
        findings: ways.findings(),
    }
}

/// Returns what a task's role must be allowed, once: when a schedule gets a gate that it did not have. The platform of
/// one machine asks for no permission.
fn gate_notes(desired: &Desired, registered: &[Step], observed: &Observed, cluster: &str) -> Option<String> {
    let is_new = |step: &&Step| match &step.action {
        Action::Register { document } => has_gate(document) && !observed.newest.get(&step.name).is_some_and(has_gate),
        _ => false,
    };
    let step = registered.iter().find(is_new).filter(|_| desired.stage != LOCAL)?;
    let Action::Register { document } = &step.action else { return None };
    let role = text(document, "taskRoleArn");
    Some(format!(
        "overlap and timeout of schedules are kept by a container in their tasks: {role} must be allowed {}: {}",
        gate::ACTIONS.join(", "),
        gate::policy(cluster)
    ))
}

/// Returns what planned schedules say over tasks that are not theirs alone.
fn overrides(desired: &Desired, planned: &BTreeMap<String, String>) -> BTreeMap<String, Document> {
    let of_services = desired.schedules.iter().filter(|doc| doc.service.is_some() && planned.contains_key(&doc.rule));
    of_services.map(|doc| (doc.rule.clone(), doc.overrides.clone())).collect()
}

/// Returns whether the endpoint has what is to fire a schedule.
fn is_served(observed: &Observed, doc: &ScheduleDoc) -> bool {
    match doc.via {
        Via::Rule => observed.schedules.is_some(),
        Via::Scheduler => observed.scheduler.is_some(),
    }
}

/// Returns why a service's tasks are replaced even if they would run the same as before.
fn why_replaced(secret_changed: bool, force: Option<Force>, task: &Document) -> Option<&'static str> {
    let containers = task.get("containerDefinitions").and_then(|list| list.as_array()).into_iter().flatten();
    let mut secrets = containers.filter_map(|container| container.get("secrets")?.as_array());
    match force {
        _ if secret_changed => Some("tasks are replaced so that they see the new secret"),
        Some(Force::SecretRotated) if secrets.any(|secrets| !secrets.is_empty()) => {
            Some("secret rotated: tasks are replaced so that they see its new values")
        }
        Some(Force::Asked) => Some("tasks are replaced, as asked for"),
        _ => None,
    }
}

/// What services stand on.
fn foundation(desired: &Desired, observed: &Observed) -> Vec<Step> {
    let mut steps = Vec::new();
    if !observed.has_cluster {
        // On this machine it costs nothing that shows, and `managr top` lives on it. Elsewhere it is charged for.
        let insights = (desired.stage == LOCAL).then_some(Insights::Enhanced);
        steps.push(bare(Mark::Create, "cluster", &desired.cluster, Action::CreateCluster { insights }));
    }
    for group in desired.log_groups.iter().filter(|group| !observed.log_groups.contains(*group)) {
        steps.push(bare(Mark::Create, "log group", group, Action::CreateLogGroup));
    }
    if let Some(secret) = desired.secret.as_ref().filter(|_| !observed.secret.changes.is_empty()) {
        let mark = if observed.secret.arn.is_some() { Mark::Update } else { Mark::Create };
        let mut step = bare(
            mark,
            "secret",
            &secret.name,
            Action::SetSecret {
                secret: secret.name.clone(),
                keys: secret.keys.clone(),
                file: desired.secrets_file.clone(),
            },
        );
        step.detail = format!("keys {}", observed.secret.changes.join(", "));
        steps.push(step);
    }
    steps
}

pub(super) fn bare(mark: Mark, kind: &str, name: &str, action: Action) -> Step {
    Step {
        mark,
        kind: kind.to_owned(),
        name: name.to_owned(),
        detail: String::new(),
        difference: Difference::default(),
        risks: Vec::new(),
        action,
    }
}

/// Returns what is to be known of release commands before they run: which become arguments of an ENTRYPOINT.
pub fn release_notes(steps: &[Step], entrypoints: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let one = |step: &Step| {
        let Action::Release { document, release, .. } = &step.action else { return None };
        let container = released_container(document, release)?;
        let own = entry::of_container(container);
        let (entrypoint, source) = match own.is_empty() {
            true => (entrypoints.get(text(container, "image"))?.clone(), entry::Source::Image),
            false => (own, entry::Source::Definition),
        };
        let replace = "`entrypoint = []` beside the release's command runs the command itself";
        let told = entry::told(&entrypoint, source, &release.command, replace)?;
        Some(format!("release command of {}: {told}", release.container))
    };
    steps.iter().filter_map(one).collect()
}

/// Returns the image that a release command runs behind, if its ENTRYPOINT is what stands in front of it.
pub fn released_image<'a>(document: &'a Document, release: &ReleaseSpec) -> Option<&'a str> {
    let container = released_container(document, release)?;
    entry::of_container(container).is_empty().then(|| text(container, "image"))
}

/// None if the release has an entry point of its own.
fn released_container<'a>(document: &'a Document, release: &ReleaseSpec) -> Option<&'a Document> {
    let mut containers = document.get("containerDefinitions")?.as_array()?.iter().filter_map(Value::as_object);
    let found = containers.find(|container| text(container, "name") == release.container)?;
    release.entrypoint.is_none().then_some(found)
}

/// The release command runs with what is about to be registered, before anything is replaced.
fn release(service: &ServiceDoc, document: &Document) -> Option<Step> {
    let release = service.release.clone()?;
    let mut step = bare(
        Mark::Run,
        "release command",
        &release.container.clone(),
        Action::Release {
            service: service.name.clone(),
            document: document.clone(),
            network: service.document.get("networkConfiguration").cloned(),
            release: release.clone(),
        },
    );
    step.detail = release.command.join(" ");
    Some(step)
}
