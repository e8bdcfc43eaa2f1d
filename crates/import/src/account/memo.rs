//! What do many lines ask for? Found out once: a folder has thousands of lines, and dozens of services to look through.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use aws_model::Document;
use deploy_core::desired::{IngressSpec, ServiceDoc};
use deploy_core::diff::normalise;
use serde_json::Value;

use super::Asked;
use super::observed::listener;
use crate::found::reference;
use crate::{FoundObject, FoundSchedule, FoundService, Kind, ledger};

/// What a ledger's name of a document stands for.
#[derive(Debug)]
pub(super) enum Subject<'a> {
    Object(&'a FoundObject),
    /// What a service or schedule of the manifest registers, by its key there.
    Task {
        is_schedule: bool,
        key: String,
    },
    Service(&'a FoundService),
    Schedule(&'a FoundSchedule),
    Repositories,
    OneOff,
}

/// A task definition as it was found, and what a comparison leaves of it.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) found: Value,
    pub(super) normal: Value,
}

/// The first service that each object is a way to.
#[derive(Debug, Default)]
pub(super) struct Ways {
    pub(super) groups: BTreeMap<String, usize>,
    pub(super) listeners: BTreeMap<String, usize>,
    pub(super) rules: BTreeMap<String, usize>,
}

#[derive(Debug, Default)]
pub(super) struct Memo<'a> {
    subjects: OnceCell<BTreeMap<String, Subject<'a>>>,
    compared: OnceCell<BTreeMap<String, Compared>>,
    ways: OnceCell<Ways>,
}

impl<'a> Memo<'a> {
    /// Returns what a ledger's name of a document stands for.
    pub(super) fn subject(&self, asked: &Asked<'a>, object: &str) -> Option<&Subject<'a>> {
        self.subjects.get_or_init(|| subjects(asked)).get(object)
    }

    /// Returns a task definition by its name in a ledger.
    pub(super) fn compared(&self, asked: &Asked<'_>, object: &str) -> Option<&Compared> {
        let made = || {
            let compared = |found: &Document| Compared {
                found: Value::Object(found.clone()),
                normal: Value::Object(normalise(found)),
            };
            let services = asked.stage.services.iter();
            let services = services.map(|one| (ledger::service_task(&one.key), compared(&one.task_definition)));
            let schedules = asked.stage.schedules.iter();
            let schedules = schedules.map(|one| (ledger::schedule_task(&one.key), compared(&one.task_definition)));
            services.chain(schedules).collect()
        };
        self.compared.get_or_init(made).get(object)
    }

    /// Returns which services objects are ways to, by the number of the service.
    pub(super) fn ways(&self, asked: &Asked<'_>) -> &Ways {
        self.ways.get_or_init(|| {
            let mut ways = Ways::default();
            for (number, doc) in asked.desired.services.iter().enumerate() {
                let Some(spec) = &doc.ingress else { continue };
                if let Some(group) = asked.group(spec) {
                    ways.groups.entry(group).or_insert(number);
                }
                if let Some(one) = listener(asked.stage, spec).filter(|_| spec.listener_arn.is_none()) {
                    ways.listeners.entry(one.id.clone()).or_insert(number);
                }
                if let Some(rule) = asked.rule(spec) {
                    ways.rules.entry(rule.id.clone()).or_insert(number);
                }
            }
            ways
        })
    }
}

/// Which object it is that a service may be reached by.
pub(super) fn way_to<'a>(asked: &Asked<'a>, object: &FoundObject) -> Option<(&'a ServiceDoc, &'a IngressSpec)> {
    let ways = asked.memo.ways(asked);
    let number = match object.kind {
        Kind::TargetGroup => ways.groups.get(&reference(&object.id)),
        Kind::Listener => ways.listeners.get(&object.id),
        Kind::Rule => ways.rules.get(&object.id),
        _ => None,
    };
    let doc = asked.desired.services.get(*number?)?;
    Some((doc, doc.ingress.as_ref()?))
}

fn subjects<'a>(asked: &Asked<'a>) -> BTreeMap<String, Subject<'a>> {
    let mut subjects = BTreeMap::new();
    for one in &asked.stage.one_offs {
        subjects.insert(ledger::one_off_task(&one.key), Subject::OneOff);
    }
    subjects.insert(ledger::REPOSITORIES.to_owned(), Subject::Repositories);
    for schedule in &asked.stage.schedules {
        let key = crate::fold::schedule_key(asked.found, &schedule.key);
        let of_it = asked.desired.schedules.iter().find(|doc| doc.name == key);
        let task = match of_it.and_then(|doc| doc.service.clone()) {
            Some(service) => Subject::Task { is_schedule: false, key: service },
            None => Subject::Task { is_schedule: true, key },
        };
        subjects.insert(ledger::schedule_task(&schedule.key), task);
        subjects.insert(ledger::schedule(&schedule.key), Subject::Schedule(schedule));
    }
    for service in &asked.stage.services {
        let task = Subject::Task { is_schedule: false, key: service.key.clone() };
        subjects.insert(ledger::service_task(&service.key), task);
        subjects.insert(ledger::service(&service.key), Subject::Service(service));
    }
    for object in &asked.stage.objects {
        subjects.insert(object.id.clone(), Subject::Object(object));
    }
    subjects
}
