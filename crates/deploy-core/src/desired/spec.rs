//! A task of the manifest as one stage sees it: services and schedules in one form, overrides beside them.
//!
//! A schedule is a service with a main container that is not kept running; past this module rendering does not tell
//! them apart.

use aws_model::Document;

use super::Owner;
use super::gate::Gate;
use super::merge::{merge, without};
use crate::manifest::{
    Container, Manifest, Named, Raw, Scalar, Schedule, Service, Stage, StageContainer, StageService,
};

/// A service or schedule, what a stage says of it, and where its containers are written.
pub(super) struct TaskSpec {
    pub(super) owner: Owner,
    pub(super) service: Service,
    pub(super) differs: StageService,
    /// What of a schedule its task keeps by itself.
    pub(super) gate: Gate,
    stage: String,
    /// A schedule's own container, when the schedule's table is where it is written.
    main: Option<String>,
    /// Variables of a schedule's own container in the stage, which is where the stage's table of the schedule has them.
    own: Option<(String, Named<Scalar>)>,
}

/// A container at its place in the manifest.
pub(super) struct Placed<'a> {
    pub(super) name: &'a str,
    pub(super) spec: &'a Container,
    pub(super) differs: Option<&'a StageContainer>,
    /// Path in the manifest.
    pub(super) path: String,
    /// Path and variables of what the stage says of it; the later wins.
    pub(super) in_stage: Vec<(String, &'a Named<Scalar>)>,
}

/// Returns the tasks of a manifest that holds nothing but what is in the stage: services first.
pub(super) fn tasks(manifest: &Manifest, name: &str, stage: &Stage) -> Vec<TaskSpec> {
    let services = manifest.services.iter().map(|(owner, service)| TaskSpec {
        owner: Owner::Service(owner.to_owned()),
        service: service.clone(),
        differs: stage.services.get(owner).cloned().unwrap_or_default(),
        gate: Gate::default(),
        stage: name.to_owned(),
        main: None,
        own: None,
    });
    // One that runs the task of a service has none of its own.
    let own = manifest.schedules.iter().filter(|(_, schedule)| schedule.service.is_none());
    services.chain(own.map(|(owner, schedule)| of_schedule(owner, schedule, name, stage))).collect()
}

fn of_schedule(owner: &str, schedule: &Schedule, name: &str, stage: &Stage) -> TaskSpec {
    let main = schedule.container(owner);
    let mut containers = schedule.containers.clone();
    // One that is written apart may be in other stages only.
    let is_written_apart = schedule.image.is_empty();
    if !is_written_apart {
        containers = std::iter::once((main.to_owned(), schedule.own_container()))
            .chain(containers.iter().map(|(name, container)| (name.to_owned(), container.clone())))
            .collect();
    }
    let differs = stage.schedules.get(owner).cloned().unwrap_or_default();
    let gate = Gate::of(schedule, &differs);
    if let (Some(here), Some(own)) = (differs.containers.get(main), containers.get_mut(main)) {
        here.apply(own);
    }
    let service = Service {
        cpu: schedule.cpu,
        memory: schedule.memory,
        volumes: schedule.volumes.clone(),
        log: schedule.log.clone(),
        containers,
        aws: schedule.aws.clone(),
        aws_without: schedule.aws_without.clone(),
        ..Service::default()
    };
    let mut in_stage = StageService {
        cpu: differs.cpu,
        memory: differs.memory,
        family: differs.family,
        containers: differs.containers,
        aws: differs.aws,
        aws_without: differs.aws_without,
        ..StageService::default()
    };
    if differs.image.is_some() || differs.command.is_some() {
        let own = in_stage.containers.entry(main);
        own.image = own.image.take().or(differs.image);
        own.command = own.command.take().or(differs.command);
    }
    TaskSpec {
        owner: Owner::Schedule(owner.to_owned()),
        service,
        differs: in_stage,
        gate,
        stage: name.to_owned(),
        main: (!is_written_apart).then(|| main.to_owned()),
        own: (!differs.variables.is_empty()).then(|| (main.to_owned(), differs.variables)),
    }
}

impl TaskSpec {
    /// Returns its containers in the order of the manifest.
    pub(super) fn containers(&self) -> impl Iterator<Item = Placed<'_>> {
        let (kind, owner) = match &self.owner {
            Owner::Service(name) => ("services", name),
            Owner::Schedule(name) => ("schedules", name),
        };
        self.service.containers.iter().map(move |(name, spec)| {
            let table = format!("{kind}.{owner}");
            let in_table = format!("{table}.containers.{name}");
            let differs = self.differs.containers.get(name);
            let stage = &self.stage;
            let own = self.own.iter().filter(|(main, _)| main == name);
            let mut in_stage: Vec<_> = own.map(|(_, own)| (format!("stages.{stage}.{table}"), own)).collect();
            in_stage.extend(differs.map(|differs| (format!("stages.{stage}.{in_table}"), &differs.variables)));
            let path = if self.main.as_deref() == Some(name) { table } else { in_table };
            Placed { name, spec, differs, path, in_stage }
        })
    }

    /// Returns the name of the service or schedule.
    pub(super) fn name(&self) -> &str {
        match &self.owner {
            Owner::Service(name) | Owner::Schedule(name) => name,
        }
    }
}

/// What raw tables do to a rendered document: those of the manifest, then those of the stage.
pub(super) struct Patch<'a> {
    pub(super) over: [Option<&'a Raw>; 2],
    pub(super) without: [&'a [String]; 2],
}

impl Patch<'_> {
    pub(super) fn apply(&self, document: &mut Document) {
        self.over.into_iter().flatten().for_each(|raw| merge(document, &raw.0));
        self.without.into_iter().flatten().for_each(|path| without(document, path));
    }
}
