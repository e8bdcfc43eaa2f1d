//! What is everything called? Defaults of the contract, each overridable by the stage.

use super::{Owner, Scope, preview};
use crate::manifest::{LOCAL, Manifest, StageService};

/// Region of a manifest that names none.
pub const DEFAULT_REGION: &str = "us-east-1";

/// Longest name of a load balancer or target group (ELBv2 API reference, CreateTargetGroup).
const ELB_NAME_MAX: usize = 32;

/// Returns the region of a stage: its own, the manifest's, or `us-east-1`.
pub fn region<'a>(manifest: &'a Manifest, stage: &str) -> &'a str {
    // A preview is where the stage is that it is a copy of.
    let written = match preview(manifest, stage) {
        Some(preview) => preview.previews.from.as_str(),
        None => stage,
    };
    let own = manifest.stages.get(written).and_then(|stage| stage.region.as_deref());
    own.or(manifest.region.as_deref()).unwrap_or(DEFAULT_REGION)
}

impl Scope<'_> {
    pub(super) fn is_local(&self) -> bool {
        self.name == LOCAL
    }

    pub(super) fn overrides(&self, service: &str) -> Option<&StageService> {
        self.stage.services.get(service)
    }

    pub(super) fn cluster(&self) -> String {
        self.stage.cluster.clone().unwrap_or_else(|| format!("{}-cluster", self.manifest.app))
    }

    /// Family of a service's or schedule's task definition.
    pub(super) fn family(&self, owner: &Owner) -> String {
        let (name, own) = match owner {
            Owner::Service(name) => {
                let all = self.manifest.services.get(name).and_then(|service| service.family.as_ref());
                (name, self.overrides(name).and_then(|differs| differs.family.as_ref()).or(all))
            }
            Owner::Schedule(name) => {
                let all = self.manifest.schedules.get(name).and_then(|schedule| schedule.family.as_ref());
                (name, self.stage.schedules.get(name).and_then(|differs| differs.family.as_ref()).or(all))
            }
        };
        own.cloned().unwrap_or_else(|| format!("{}-{name}-task-{}", self.manifest.app, self.name))
    }

    /// Name of a schedule's rule.
    pub(super) fn rule(&self, schedule: &str) -> String {
        let own = self.stage.schedules.get(schedule).and_then(|differs| differs.name.clone());
        let own = own.or_else(|| self.manifest.schedules.get(schedule)?.name.clone());
        own.unwrap_or_else(|| format!("{}-{schedule}-{}", self.manifest.app, self.name))
    }

    pub(super) fn service_name(&self, service: &str) -> String {
        let own = self.overrides(service).and_then(|service| service.name.clone());
        let own = own.or_else(|| self.manifest.services.get(service)?.name.clone());
        own.unwrap_or_else(|| format!("{}-{service}-{}", self.manifest.app, self.name))
    }

    pub(super) fn load_balancer(&self) -> String {
        let own = self.stage.load_balancer.clone();
        elb_name(&own.unwrap_or_else(|| format!("{}-{}", self.manifest.app, self.name)))
    }

    /// Name of a service's target group, when the stage does not give an ARN.
    pub(super) fn target_group(&self, service: &str) -> String {
        let all = self.manifest.services.get(service).and_then(|service| service.target_group.as_deref());
        match self.overrides(service).and_then(|service| service.target_group.as_deref()).or(all) {
            // One that is too long with this stage's name in it is shortened as the default is.
            Some(name) if !name.starts_with("arn:") => elb_name(name),
            _ => elb_name(&format!("{}-{service}-{}", self.manifest.app, self.name)),
        }
    }

    pub(super) fn log_group(&self) -> String {
        self.stage.log_group.clone().unwrap_or_else(|| format!("/{}/{}", self.manifest.app, self.name))
    }

    pub(super) fn secret_name(&self) -> String {
        self.stage.secret.clone().unwrap_or_else(|| format!("{}/{}", self.manifest.app, self.name))
    }

    pub(super) fn secret_arn(&self) -> String {
        self.facts.secret_arn.clone().unwrap_or_else(|| {
            let (region, account) = (&self.region, &self.facts.account);
            format!("arn:aws:secretsmanager:{region}:{account}:secret:{}", self.secret_name())
        })
    }

    pub(super) fn execution_role(&self) -> String {
        self.role(self.stage.execution_role.as_deref(), "execution")
    }

    pub(super) fn task_role(&self) -> String {
        self.role(self.stage.task_role.as_deref(), "task")
    }

    pub(super) fn schedule_role(&self) -> String {
        self.role(self.stage.schedule_role.as_deref(), "schedule")
    }

    fn role(&self, own: Option<&str>, purpose: &str) -> String {
        let account = &self.facts.account;
        match own {
            Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
            Some(name) => format!("arn:aws:iam::{account}:role/{name}"),
            None => format!("arn:aws:iam::{account}:role/{}-{}-{purpose}", self.manifest.app, self.name),
        }
    }
}

/// Makes a name that ELBv2 takes; one that had to be changed ends in a hash of what it was, so that
/// two services never share a target group.
pub(super) fn elb_name(wanted: &str) -> String {
    let plain: String = wanted.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if plain == wanted && plain.len() <= ELB_NAME_MAX {
        return plain;
    }
    let hash = hash(wanted);
    let room = plain.len().min(ELB_NAME_MAX - 9);
    format!("{}-{hash:08x}", plain[..room].trim_end_matches('-'))
}

/// FNV-1a, which is the same for ever.
pub(super) fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::elb_name;

    #[test]
    fn keeps_names_that_elb_takes() {
        assert_eq!(elb_name("managr-app-local"), "managr-app-local");
    }

    #[test]
    fn shortens_others_without_mixing_them_up() {
        let long = elb_name("managr-an-application-with-a-long-name-staging");
        assert_eq!(long, "managr-an-application-w-8dcf74f8");
        assert!(long.len() <= 32);
        assert_ne!(elb_name("managr-a_b-local"), elb_name("managr-a-b-local"));
    }
}
