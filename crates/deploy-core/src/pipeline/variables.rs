//! Do the variables of an older pipeline say what the manifest says?
//!
//! Teams that deployed by a script have them: names of the cluster, the service, the task definition and the images.
//! With a manifest they have no effect; one that contradicts it would mislead its readers.

use crate::Desired;

/// The cluster.
pub const CLUSTER: &str = "AWS_ECS_CLUSTER_NAME";
/// The service.
pub const SERVICE: &str = "AWS_ECS_SERVICE_NAME";
/// The task definition's family.
pub const TASK: &str = "AWS_ECS_TASK_NAME";
/// The application's image, as a repository with or without host and tag.
pub const SERVER_IMAGE: &str = "MANAGR_SERVER_IMAGE_NAME";
/// The image of scheduled tasks.
pub const SCHEDULED_IMAGE: &str = "MANAGR_SERVER_SCHEDULED_TASKS_IMAGE_NAME";

/// All of them.
pub const NAMES: [&str; 5] = [CLUSTER, SERVICE, TASK, SERVER_IMAGE, SCHEDULED_IMAGE];

/// A variable, and what the manifest has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it may be, the likeliest first; empty when the manifest has nothing of the kind.
    pub values: Vec<String>,
}

impl Variable {
    /// Returns whether a value is one of those that the manifest has.
    pub fn agrees(&self, value: &str) -> bool {
        let is_image = [SERVER_IMAGE, SCHEDULED_IMAGE].contains(&self.name);
        let value = if is_image { repository(value) } else { value };
        // A service may be given by its ARN, an image by the last part of its repository.
        let same = |known: &String| {
            known == value
                || value.ends_with(&format!("/{known}"))
                || (is_image && known.ends_with(&format!("/{value}")))
        };
        self.values.iter().any(same)
    }
}

/// Returns every variable with what a stage has for it.
pub fn of(desired: &Desired) -> Vec<Variable> {
    let services = || desired.services.iter();
    let images = |names: &[&str]| {
        let is_one = |image: &&crate::desired::ImageSpec| {
            let last = image.repository.rsplit('/').next().unwrap_or_default();
            names.contains(&image.name.as_str()) || names.contains(&last)
        };
        desired.images.iter().filter(is_one).map(|image| image.repository.clone()).collect::<Vec<_>>()
    };
    let server = match images(&["server"]) {
        found if found.is_empty() => desired.images.iter().take(1).map(|image| image.repository.clone()).collect(),
        found => found,
    };
    vec![
        Variable { name: CLUSTER, values: vec![desired.cluster.clone()] },
        Variable { name: SERVICE, values: services().map(|service| service.name.clone()).collect() },
        Variable { name: TASK, values: services().map(|service| service.family.clone()).collect() },
        Variable { name: SERVER_IMAGE, values: server },
        Variable {
            name: SCHEDULED_IMAGE,
            values: images(&["server-tasks", "server-scheduled-tasks", "scheduled-tasks"]),
        },
    ]
}

/// Takes host, tag and digest off a reference.
fn repository(reference: &str) -> &str {
    let reference = reference.split('@').next().unwrap_or(reference);
    let reference = match reference.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => reference,
    };
    match reference.split_once('/') {
        Some((host, rest)) if host.contains('.') || host.contains(':') => rest,
        _ => reference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, known: &str, value: &str, expected: bool) {
        let variable = Variable { name, values: vec![known.to_owned()] };
        assert_eq!(variable.agrees(value), expected, "{name} {known} {value}");
    }

    #[test]
    fn an_image_agrees_by_its_repository() {
        let known = "thinknimble/managr/server";
        for value in [
            known,
            "server",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/thinknimble/managr/server",
            "localhost:5000/thinknimble/managr/server:staging-0123@sha256:00",
        ] {
            check(SERVER_IMAGE, known, value, true);
        }
        for value in ["server-tasks", "managr/serve", "other/server"] {
            check(SERVER_IMAGE, known, value, false);
        }
    }

    #[test]
    fn other_names_agree_as_they_are_or_as_arns() {
        check(CLUSTER, "managr-cluster", "managr-cluster", true);
        check(CLUSTER, "managr-cluster", "arn:aws:ecs:us-east-1:123456789012:cluster/managr-cluster", true);
        check(SERVICE, "managr-app-prod", "managr-app-staging", false);
    }
}
