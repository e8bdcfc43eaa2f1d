//! What became of the members of an answer: which is a setting and of whose document, which is only state?
//!
//! A line is opened for every leaf. A leaf that AWS's model has is claimed; one that it does not have stays unclaimed,
//! wherever it stands, and so it is listed. A setting is a member of some request too; what is in no request is
//! state, and that is asked of the model of ECS and written down here for the others, of which there are few.

use aws_model::{Document, shape};

use super::walk::{Leaf, leaves};
use super::{OWNER, model, text};
use crate::Place;
use crate::ledger::{Account, Claim, Ledger};

/// What a structure of AWS's model is here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Structure {
    /// Its block in the table of the model.
    name: &'static str,
    /// Members that no request has: their beginnings.
    state: &'static [&'static str],
    /// Members that a request calls otherwise.
    renamed: &'static [(&'static str, &'static str)],
}

pub(super) const TARGET_GROUP: Structure = Structure {
    name: "TargetGroup",
    state: &["TargetGroupArn", "LoadBalancerArns"],
    renamed: &[("TargetGroupName", "Name")],
};
pub(super) const LOAD_BALANCER: Structure = Structure {
    name: "LoadBalancer",
    state: &[
        "LoadBalancerArn",
        "DNSName",
        "CanonicalHostedZoneId",
        "CreatedTime",
        "State",
        "VpcId",
        "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
    ],
    renamed: &[("LoadBalancerName", "Name")],
};
pub(super) const LISTENER: Structure = Structure {
    name: "Listener",
    state: &["ListenerArn", "MutualAuthentication.TrustStoreAssociationStatus"],
    renamed: &[],
};
pub(super) const RULE: Structure = Structure { name: "Rule", state: &["RuleArn", "IsDefault"], renamed: &[] };
/// The last rule of a listener says again what its default actions are.
pub(super) const DEFAULT_RULE: Structure = Structure {
    name: "Rule",
    state: &["RuleArn", "IsDefault", "Priority", "Conditions"],
    renamed: &[("Actions", "DefaultActions")],
};
pub(super) const LOG_GROUP: Structure = Structure {
    name: "LogGroup",
    state: &["creationTime", "metricFilterCount", "arn", "storedBytes", "inheritedProperties", "logGroupArn"],
    renamed: &[],
};
pub(super) const EVENT_RULE: Structure = Structure { name: "EventRule", state: &["Arn", "ManagedBy"], renamed: &[] };
pub(super) const EVENT_TARGET: Structure = Structure { name: "EventTarget", state: &[], renamed: &[("", "Target")] };
pub(super) const SCHEDULE: Structure =
    Structure { name: "Schedule", state: &["Arn", "CreationDate", "LastModificationDate"], renamed: &[] };
pub(super) const SCHEDULE_TARGET: Structure =
    Structure { name: "ScheduleTarget", state: &[], renamed: &[("", "Target")] };
pub(super) const SCALABLE_TARGET: Structure = Structure {
    name: "ScalableTarget",
    state: &["ScalableTargetARN", "CreationTime", "PredictedCapacity"],
    renamed: &[],
};
pub(super) const SCALING_POLICY: Structure =
    Structure { name: "ScalingPolicy", state: &["PolicyARN", "CreationTime", "Alarms"], renamed: &[] };
pub(super) const SCHEDULED_ACTION: Structure =
    Structure { name: "ScheduledAction", state: &["ScheduledActionARN", "CreationTime"], renamed: &[] };

pub(super) const SECRET: Structure = Structure {
    name: "Secret",
    state: &[
        "ARN",
        "LastRotatedDate",
        "LastChangedDate",
        "LastAccessedDate",
        "DeletedDate",
        "NextRotationDate",
        "VersionIdsToStages",
        "OwningService",
        "CreatedDate",
        "PrimaryRegion",
        "ReplicationStatus",
    ],
    renamed: &[],
};

/// What lines are of, and whose members they become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) subject: &'a str,
    pub(super) object: &'a str,
    pub(super) place: &'a Place,
}

const STATE: &str = "AWS found it out or counts it: no request has it";

fn state() -> Claim {
    Claim::Is(Account::State(STATE.to_owned()))
}

fn is_beneath(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl Structure {
    fn is_state(&self, path: &str) -> bool {
        self.state.iter().any(|above| is_beneath(path, above))
    }

    /// Returns what a request calls a member.
    fn member(&self, path: &str) -> String {
        for (shown, asked) in self.renamed {
            match path.strip_prefix(shown) {
                Some(rest) if shown.is_empty() => return format!("{asked}.{rest}"),
                Some(rest) if rest.is_empty() || rest.starts_with('.') => return format!("{asked}{rest}"),
                _ => {}
            }
        }
        path.to_owned()
    }

    /// Opens and claims the lines of an answer, and returns the request that it would take to make it.
    pub(super) fn account(&self, ledger: &mut Ledger, of: Of<'_>, answer: &Document) -> Document {
        self.claimed(ledger, of, answer, |member| Claim::Became { object: of.object.to_owned(), member });
        let settings = answer.iter().filter(|(member, _)| !self.is_state(member));
        settings.map(|(member, value)| (self.member(member), value.clone())).collect()
    }

    /// The same of something that a deploy does not look at: why its owner keeps it.
    pub(super) fn keep(&self, ledger: &mut Ledger, of: Of<'_>, answer: &Document, why: &str) {
        self.claimed(ledger, of, answer, |_| Claim::Is(Account::Owner(format!("{OWNER}: {why}"))));
    }

    fn claimed(&self, ledger: &mut Ledger, of: Of<'_>, answer: &Document, setting: impl Fn(String) -> Claim) {
        let claim = |leaf: &Leaf| {
            let is_known = model::has(self.name, leaf);
            is_known.then(|| if self.is_state(&leaf.path) { state() } else { setting(self.member(&leaf.path)) })
        };
        open(ledger, of, leaves(answer), claim);
    }
}

/// Opens a line for each leaf; `claim` says nothing of those that the model does not have.
fn open(ledger: &mut Ledger, of: Of<'_>, leaves: Vec<Leaf>, claim: impl Fn(&Leaf) -> Option<Claim>) {
    for leaf in leaves {
        let claim = claim(&leaf);
        ledger.open(of.subject, &leaf.path, of.place.clone());
        if let Some(claim) = claim {
            ledger.claim(of.subject, leaf.path, claim);
        }
    }
}

/// Opens and claims the lines of a cluster, and returns the request that would make it.
pub(super) fn cluster(ledger: &mut Ledger, of: Of<'_>, answer: &Document) -> Document {
    let is_setting = |member: &str| shape::has_member("CreateClusterRequest", member);
    let unknown = model::unknown("DescribeClusters", "clusters", answer);
    let claim = |leaf: &Leaf| {
        let became = || Claim::Became { object: of.object.to_owned(), member: leaf.path.clone() };
        (!is_among(&unknown, leaf)).then(|| if is_setting(leaf.top()) { became() } else { state() })
    };
    open(ledger, of, leaves(answer), claim);
    answer.iter().filter(|(member, _)| is_setting(member)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Opens and claims the lines of a service, and returns it without what the model does not have: whether that is a
/// setting is unknown here, and a request that holds a count would never be met.
pub(super) fn service(ledger: &mut Ledger, of: Of<'_>, answer: &Document) -> Document {
    let unknown = model::unknown("DescribeServices", "services", answer);
    let primary = super::items(answer, "deployments").position(|one| text(one, "status") == "PRIMARY");
    let primary = primary.map(|number| format!("deployments.{number}."));
    let claim = |leaf: &Leaf| (!is_among(&unknown, leaf)).then(|| of_service(of.object, primary.as_deref(), leaf));
    open(ledger, of, leaves(answer), claim);
    let mut known = serde_json::Value::Object(answer.clone());
    unknown.iter().for_each(|path| take(&mut known, path));
    match known {
        serde_json::Value::Object(known) => known,
        _ => Document::new(),
    }
}

fn of_service(object: &str, primary: Option<&str>, leaf: &Leaf) -> Claim {
    let became = |member: &str| Claim::Became { object: object.to_owned(), member: member.to_owned() };
    let is_setting = |member: &str| shape::has_member("CreateServiceRequest", member);
    // Some of what was asked for is shown by the primary deployment alone.
    let of_primary = primary.and_then(|primary| leaf.path.strip_prefix(primary)).filter(|path| {
        let top = path.split('.').next().unwrap_or(path);
        is_setting(top) && !shape::has_member("Service", top)
    });
    match (leaf.top(), of_primary) {
        (_, Some(path)) => became(path),
        ("clusterArn", _) => became("cluster"),
        // ECS shows its own service-linked role where the request gave none.
        ("roleArn", _) => became("role"),
        (top, None) if is_setting(top) => became(&leaf.path),
        _ => state(),
    }
}

fn is_among(unknown: &[String], leaf: &Leaf) -> bool {
    unknown.iter().any(|above| is_beneath(&leaf.indexed, above))
}

/// Takes a member out by its path, such as `deployments[0].shiny`.
fn take(value: &mut serde_json::Value, path: &str) {
    let (head, rest) = match path.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    };
    let (name, number) = match head.strip_suffix(']').and_then(|head| head.split_once('[')) {
        Some((name, number)) => (name, number.parse::<usize>().ok()),
        None => (head, None),
    };
    let Some(rest) = rest else {
        value.as_object_mut().map(|members| members.shift_remove(name));
        return;
    };
    let below = value.get_mut(name);
    let below = match number {
        Some(number) => below.and_then(|list| list.get_mut(number)),
        None => below,
    };
    if let Some(below) = below {
        take(below, rest);
    }
}
