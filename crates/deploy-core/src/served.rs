//! What of a stage's documents cannot run on the platform of one machine?
//!
//! The table is [`aws_model::served`], by which the platform itself refuses: `managr check`, `managr verify` and an
//! import ask here, so that all of them say the same.

use aws_model::served::{Refusal, request_refusals, task_refusals};

use crate::desired::{Desired, DesiredError, Facts, Owner, desired};
use crate::manifest::{LOCAL, Manifest};

/// Something that the platform would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unserved {
    /// Service or schedule.
    pub owner: Owner,
    /// What, and what to do instead.
    pub refusal: Refusal,
}

/// Returns everything that the platform would refuse of a stage, the task definitions' first. `architecture` is its
/// machine's, in ECS's words; none runs every one.
pub fn unserved(desired: &Desired, architecture: Option<&str>) -> Vec<Unserved> {
    let tasks = desired.task_definitions.iter().flat_map(|task| {
        let refused = task_refusals(&task.document, architecture);
        refused.into_iter().map(|refusal| Unserved { owner: task.owner.clone(), refusal })
    });
    let services = desired.services.iter().flat_map(|service| {
        let owner = Owner::Service(service.service.clone());
        let refused = request_refusals(&service.document);
        refused.into_iter().map(move |refusal| Unserved { owner: owner.clone(), refusal })
    });
    tasks.chain(services).collect()
}

/// Returns everything of a manifest that `managr up` could not run on a machine, whatever was built already.
///
/// # Errors
/// When the local stage has no documents.
pub fn unserved_locally(manifest: &Manifest, architecture: Option<&str>) -> Result<Vec<Unserved>, DesiredError> {
    // Only names are asked for: a tag that git cannot make must not stand in the way.
    let images = manifest.images.names().map(|image| (image.to_owned(), image.to_owned())).collect();
    let desired = desired(manifest, LOCAL, &Facts { images, ..Facts::local("") })?;
    Ok(unserved(&desired, architecture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stage_asks_for_and_a_machine_cannot_do_is_found_whosever_it_is() {
        let text = r#"
            app = "demo"
            [services.web]
            platform = "linux/arm64"
            aws-service = { schedulingStrategy = "DAEMON" }
            [services.web.containers.web]
            image = "nginx:1"
            restart = true
            aws = { pseudoTerminal = true }
            [services.elsewhere]
            stages = ["prod"]
            [services.elsewhere.containers.e]
            image = "nginx:1"
            aws = { interactive = true }
            [schedules.nightly]
            schedule = "rate(1 day)"
            image = "nginx:1"
            aws = { pidMode = "task" }
            [stages.prod]
            subnets = ["subnet-1"]
        "#;
        let manifest = crate::parse("managr.toml", text).unwrap();
        let found = unserved_locally(&manifest, Some("X86_64")).unwrap();
        let told: Vec<String> = found.iter().map(|one| format!("{:?}: {}", one.owner, one.refusal.subject())).collect();
        assert_eq!(
            told,
            [
                r#"Service("web"): runtimePlatform.cpuArchitecture ARM64 of task definition 'demo-web-task-local'"#,
                r#"Service("web"): pseudoTerminal of container 'web'"#,
                r#"Schedule("nightly"): pidMode of task definition 'demo-nightly-task-local'"#,
                r#"Service("web"): schedulingStrategy DAEMON"#,
            ]
        );
        assert_eq!(unserved_locally(&manifest, None).unwrap().len(), 3);
    }
}
