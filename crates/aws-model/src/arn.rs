//! ARNs and the short names that ECS takes in their place.
//!
//! Every reader borrows from its input and refuses by `None`; what to answer then is the operation's business.

/// An ARN's parts after `arn:PARTITION:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// e.g. `ecs`.
    pub service: &'a str,
    /// Region.
    pub region: &'a str,
    /// Account.
    pub account: &'a str,
    /// What comes last, colons included: `cluster/NAME`, `task-definition/FAMILY:3`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" || parts.next()?.is_empty() {
            return None;
        }
        let (service, region, account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if service.is_empty() || resource.is_empty() {
            return None;
        }
        Some(Self { service, region, account, resource })
    }

    /// Returns what follows `KIND/` if the ARN is ECS's and of this kind.
    pub fn ecs(text: &'a str, kind: &str) -> Option<(Self, &'a str)> {
        let arn = Self::parse(text)?;
        let rest = arn.resource.strip_prefix(kind)?.strip_prefix('/')?;
        (arn.service == "ecs" && !rest.is_empty()).then_some((arn, rest))
    }
}

/// A service, task or anything else that lives in a cluster, as a caller names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InCluster<'a> {
    /// The cluster's name, if the long ARN named it.
    pub cluster: Option<&'a str>,
    /// The service's name or the task's id.
    pub name: &'a str,
    /// The region of the ARN, if it was one.
    pub region: Option<&'a str>,
}

impl<'a> InCluster<'a> {
    /// Reads a name, `arn:...:KIND/NAME` or `arn:...:KIND/CLUSTER/NAME`.
    pub fn parse(kind: &str, text: &'a str) -> Option<Self> {
        if !text.starts_with("arn:") {
            return (!text.is_empty() && !text.contains(['/', ':'])).then_some(Self {
                cluster: None,
                name: text,
                region: None,
            });
        }
        let (arn, rest) = Arn::ecs(text, kind)?;
        let (cluster, name) = match rest.split_once('/') {
            Some((cluster, name)) => (Some(cluster), name),
            None => (None, rest),
        };
        (!name.is_empty() && !name.contains('/')).then_some(Self { cluster, name, region: Some(arn.region) })
    }
}

/// Returns the name in a cluster's name or ARN.
pub fn cluster_name(text: &str) -> Option<&str> {
    if text.starts_with("arn:") {
        return Arn::ecs(text, "cluster").map(|(_, name)| name);
    }
    (!text.is_empty()).then_some(text)
}

/// A task definition as a caller names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskDefinitionRef<'a> {
    /// Family.
    pub family: &'a str,
    /// Revision; none for the latest that is ACTIVE.
    pub revision: Option<u32>,
    /// The region of the ARN, if it was one.
    pub region: Option<&'a str>,
}

impl<'a> TaskDefinitionRef<'a> {
    /// Reads `FAMILY`, `FAMILY:REVISION` or `arn:...:task-definition/FAMILY[:REVISION]`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (region, rest) = match text.starts_with("arn:") {
            true => Arn::ecs(text, "task-definition").map(|(arn, rest)| (Some(arn.region), rest))?,
            false => (None, text),
        };
        let (family, revision) = match rest.split_once(':') {
            Some((family, number)) => (family, Some(number.parse().ok().filter(|n| *n > 0)?)),
            None => (rest, None),
        };
        (!family.is_empty() && !family.contains(['/', ':'])).then_some(Self { family, revision, region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_tasks_are_named_short_or_long() {
        fn check(text: &str, want: &str) {
            let got = InCluster::parse("service", text)
                .map_or("none".to_owned(), |r| format!("{} in {}", r.name, r.cluster.unwrap_or("?")));
            assert_eq!(got, want, "{text}");
        }
        check("web", "web in ?");
        check("arn:aws:ecs:us-east-1:123456789012:service/web", "web in ?");
        check("arn:aws:ecs:us-east-1:123456789012:service/main/web", "web in main");
        check("arn:aws:ecs:us-east-1:123456789012:task/main/web", "none");
        check("arn:aws:ecs:us-east-1:123456789012:service/a/b/c", "none");
        check("a/b", "none");
        check("", "none");
    }

    #[test]
    fn task_definitions_are_named_by_family_revision_or_arn() {
        fn check(text: &str, want: &str) {
            let got = TaskDefinitionRef::parse(text)
                .map_or("none".to_owned(), |r| format!("{} {}", r.family, r.revision.unwrap_or(0)));
            assert_eq!(got, want, "{text}");
        }
        check("web", "web 0");
        check("web:3", "web 3");
        check("web:0", "none");
        check("web:x", "none");
        check("web:", "none");
        check("arn:aws:ecs:us-east-1:123456789012:task-definition/web:12", "web 12");
        check("arn:aws:ecs:us-east-1:123456789012:task-definition/web", "web 0");
        check("arn:aws:sns:us-east-1:123456789012:task-definition/web", "none");
    }

    #[test]
    fn a_cluster_is_a_name_or_an_arn() {
        assert_eq!(cluster_name("main"), Some("main"));
        assert_eq!(cluster_name("arn:aws:ecs:us-east-1:1:cluster/main"), Some("main"));
        assert_eq!(cluster_name("arn:aws:ecs:us-east-1:1:service/main"), None);
    }
}
