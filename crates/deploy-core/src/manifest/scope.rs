//! What of a manifest is there in a stage, and what does it say there?

use super::pattern::{escaped, filled};
use super::{
    Container, Ingress, IngressDiffers, Log, Manifest, Service, Stage, StageContainer, StageDiscover, StageIngress,
    StageSchedule, scaling,
};

/// Returns whether a list of stages has a stage; an empty one has all.
pub(crate) fn is_in(stages: &[String], stage: &str) -> bool {
    stages.is_empty() || stages.iter().any(|name| name == stage)
}

impl Manifest {
    /// Returns the manifest without the services, schedules and containers that are not in a stage, with what the stage
    /// says of ways in, waits, programs and logs in its place, and with the stage's name in place of `{stage}`.
    #[must_use]
    pub fn in_stage(&self, stage: &str) -> Self {
        let written = self.written(stage);
        let mut seen = self.there(written);
        if let Some(differs) = self.stages.get(written) {
            seen.apply(differs);
        }
        seen.fill_shared(&|text| filled(text, written));
        seen.fill_own(&|text| filled(text, stage));
        seen
    }

    /// Returns the manifest of what a stage has, for another stage that is a copy of it: no list of stages is left, and
    /// what the copy shares is called as in the stage.
    #[must_use]
    pub fn as_in(&self, stage: &str) -> Self {
        let written = self.written(stage);
        let mut seen = self.there(written);
        // It is read once more, as the copy: what is text by now must still be text then.
        seen.fill_shared(&|text| escaped(&filled(text, written)));
        for service in seen.services.values_mut() {
            service.stages.clear();
            service.containers.values_mut().for_each(|container| container.stages.clear());
        }
        for schedule in seen.schedules.values_mut() {
            schedule.stages.clear();
            schedule.containers.values_mut().for_each(|container| container.stages.clear());
        }
        seen.databases.values_mut().for_each(|database| database.stages.clear());
        seen
    }

    /// Returns the stage that has what a stage has: a preview has what the stage has that it is a copy of.
    fn written<'a>(&'a self, stage: &'a str) -> &'a str {
        crate::desired::preview(self, stage).map_or(stage, |preview| preview.previews.from.as_str())
    }

    fn there(&self, stage: &str) -> Self {
        let mut seen = self.clone();
        seen.services.retain(|_, service| is_in(&service.stages, stage));
        seen.schedules.retain(|_, schedule| is_in(&schedule.stages, stage));
        seen.databases.retain(|_, database| is_in(&database.stages, stage));
        for service in seen.services.values_mut() {
            service.containers.retain(|_, container| is_in(&container.stages, stage));
        }
        for schedule in seen.schedules.values_mut() {
            schedule.containers.retain(|_, container| is_in(&container.stages, stage));
        }
        seen
    }

    fn apply(&mut self, stage: &Stage) {
        for (name, differs) in stage.databases.iter() {
            self.databases.get_mut(name).iter_mut().for_each(|database| database.apply(differs));
        }
        for (name, differs) in stage.services.iter() {
            let Some(service) = self.services.get_mut(name) else { continue };
            service.ingress = ingress(service, differs.ingress.as_ref());
            match &differs.discover {
                None | Some(StageDiscover::There(true)) => {}
                Some(StageDiscover::There(false)) => service.discover = None,
                Some(StageDiscover::Name(name)) => service.discover = Some(name.clone()),
            }
            service.scaling = scaling(service.scaling.as_ref(), differs.scaling.as_ref());
            service.log = log(service.log.as_ref(), differs.log.as_ref());
            for (name, differs) in differs.containers.iter() {
                service.containers.get_mut(name).iter_mut().for_each(|spec| differs.apply(spec));
            }
        }
        for (name, differs) in stage.schedules.iter() {
            let Some(schedule) = self.schedules.get_mut(name) else { continue };
            let StageSchedule { entrypoint, containers, .. } = differs;
            schedule.entrypoint = entrypoint.clone().or(schedule.entrypoint.take());
            schedule.log = log(schedule.log.as_ref(), differs.log.as_ref());
            for (name, differs) in containers.iter() {
                schedule.containers.get_mut(name).iter_mut().for_each(|spec| differs.apply(spec));
            }
        }
    }
}

impl Stage {
    /// Returns the stage with what all stages are called, where it does not say it, and its name in its texts.
    #[must_use]
    pub(crate) fn called(mut self, manifest: &Manifest, name: &str) -> Self {
        self = self.with_names_of(manifest);
        self.fill_shared(&|text| filled(text, name));
        self.fill_own(&|text| filled(text, name));
        self
    }

    /// Returns the stage with what all stages are called, where it does not say it.
    #[must_use]
    pub(crate) fn with_names_of(mut self, manifest: &Manifest) -> Self {
        for (own, all) in [
            (&mut self.cluster, &manifest.cluster),
            (&mut self.load_balancer, &manifest.load_balancer),
            (&mut self.log_group, &manifest.log_group),
            (&mut self.secret, &manifest.secret),
            (&mut self.execution_role, &manifest.execution_role),
            (&mut self.task_role, &manifest.task_role),
            (&mut self.schedule_role, &manifest.schedule_role),
        ] {
            if own.is_none() {
                own.clone_from(all);
            }
        }
        self
    }
}

impl StageContainer {
    /// Puts what is said here in the place of what the container says.
    pub(crate) fn apply(&self, spec: &mut Container) {
        if let Some(entrypoint) = &self.entrypoint {
            spec.entrypoint = Some(entrypoint.clone());
        }
        if let Some(waits) = &self.depends_on {
            spec.depends_on = waits.clone();
        }
        spec.log = log(spec.log.as_ref(), self.log.as_ref());
    }
}

fn log(base: Option<&Log>, differs: Option<&Log>) -> Option<Log> {
    let (Some(base), Some(differs)) = (base, differs) else { return differs.or(base).cloned() };
    Some(Log {
        group: differs.group.clone().or_else(|| base.group.clone()),
        prefix: differs.prefix.clone().or_else(|| base.prefix.clone()),
        create_group: differs.create_group.or(base.create_group),
    })
}

/// Returns how requests reach a service in a stage.
pub(crate) fn ingress(service: &Service, differs: Option<&StageIngress>) -> Option<Ingress> {
    match differs {
        None | Some(StageIngress::There(true)) => service.ingress.clone(),
        Some(StageIngress::There(false)) => None,
        Some(StageIngress::Differs(differs)) => {
            let base = service.ingress.clone().unwrap_or_default();
            let IngressDiffers {
                container,
                port,
                health_check,
                listener,
                host,
                path,
                deregistration_delay,
                grace_period,
            } = differs.clone();
            let all = Ingress {
                container: container.unwrap_or(base.container),
                port: port.unwrap_or(base.port),
                health_check: health_check.or(base.health_check),
                listener: listener.or(base.listener),
                host: host.or(base.host),
                path: path.or(base.path),
                deregistration_delay: deregistration_delay.or(base.deregistration_delay),
                grace_period: grace_period.or(base.grace_period),
            };
            (!all.container.is_empty() && all.port > 0).then_some(all)
        }
    }
}
