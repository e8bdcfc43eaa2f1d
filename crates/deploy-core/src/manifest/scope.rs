//! What of a manifest is there in a stage?

use super::Manifest;

/// Returns whether a list of stages has a stage; an empty one has all.
pub(crate) fn is_in(stages: &[String], stage: &str) -> bool {
    stages.is_empty() || stages.iter().any(|name| name == stage)
}

impl Manifest {
    /// Returns the manifest without the services, schedules and containers that are not in a stage.
    #[must_use]
    pub fn in_stage(&self, stage: &str) -> Self {
        // A preview has what the stage has that it is a copy of.
        let stage = crate::desired::preview(self, stage).map_or(stage, |preview| preview.previews.from.as_str());
        let mut seen = self.clone();
        seen.services.retain(|_, service| is_in(&service.stages, stage));
        seen.schedules.retain(|_, schedule| is_in(&schedule.stages, stage));
        for service in seen.services.values_mut() {
            service.containers.retain(|_, container| is_in(&container.stages, stage));
        }
        for schedule in seen.schedules.values_mut() {
            schedule.containers.retain(|_, container| is_in(&container.stages, stage));
        }
        seen
    }

    /// Returns the manifest of what a stage has, for another stage that is a copy of it: no list of stages is left.
    #[must_use]
    pub fn as_in(&self, stage: &str) -> Self {
        let mut seen = self.in_stage(stage);
        for service in seen.services.values_mut() {
            service.stages.clear();
            service.containers.values_mut().for_each(|container| container.stages.clear());
        }
        for schedule in seen.schedules.values_mut() {
            schedule.stages.clear();
            schedule.containers.values_mut().for_each(|container| container.stages.clear());
        }
        seen
    }
}
