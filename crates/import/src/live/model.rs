//! Does AWS's model have this member? For what is answered about things that run.
//!
//! ECS's own structures are asked of [`aws_model::check`], those of other services are read out of their models.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use aws_model::check::{self, Rule};
use aws_model::model::{Kind, Model, ShapeId};
use aws_model::{Document, Service};
use serde_json::json;

use super::walk::Leaf;

type Paths = HashSet<String>;

/// A structure of a service: its name here, its shape, and the shape of its attributes, which another operation answers.
type Modelled = (&'static str, Service, &'static str, Option<&'static str>);

const MODELLED: [Modelled; 13] = [
    ("TargetGroup", Service::ElbV2, "TargetGroup", Some("TargetGroupAttribute")),
    ("LoadBalancer", Service::ElbV2, "LoadBalancer", Some("LoadBalancerAttribute")),
    ("Listener", Service::ElbV2, "Listener", Some("ListenerAttribute")),
    ("Rule", Service::ElbV2, "Rule", None),
    ("LogGroup", Service::Logs, "LogGroup", None),
    ("Secret", Service::SecretsManager, "DescribeSecretResponse", None),
    ("EventRule", Service::Events, "Rule", None),
    ("EventTarget", Service::Events, "Target", None),
    ("Schedule", Service::Scheduler, "GetScheduleOutput", None),
    ("ScheduleTarget", Service::Scheduler, "Target", None),
    ("ScalableTarget", Service::ApplicationAutoScaling, "ScalableTarget", None),
    ("ScalingPolicy", Service::ApplicationAutoScaling, "ScalingPolicy", None),
    ("ScheduledAction", Service::ApplicationAutoScaling, "ScheduledAction", None),
];

static TABLE: LazyLock<HashMap<&'static str, Paths>> = LazyLock::new(|| MODELLED.map(|one| (one.0, paths(one))).into());

fn paths((_, service, shape, attributes): Modelled) -> Paths {
    let (model, mut paths) = (service.model(), Paths::new());
    for (path, shape) in [("", Some(shape)), ("Attributes[]", attributes)] {
        if let Some(id) = shape.and_then(|shape| model.shape_id(shape)) {
            add(model, id, path.to_owned(), &[], &mut paths);
        }
    }
    paths
}

/// Adds the leaves below a shape: a list of plain values is one. `within` are the structures that it is in.
fn add(model: &'static Model, id: ShapeId, path: String, within: &[ShapeId], paths: &mut Paths) {
    match &model.shape(id).kind {
        Kind::Structure(_) if within.contains(&id) => {}
        Kind::Structure(structure) => {
            for member in &structure.members {
                let below = if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
                add(model, member.shape, below, &[within, &[id]].concat(), paths);
            }
        }
        Kind::List { item, .. }
            if matches!(model.shape(*item).kind, Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. }) =>
        {
            add(model, *item, format!("{path}[]"), within, paths);
        }
        Kind::Map { item, .. } => add(model, *item, format!("{path}.*"), within, paths),
        _ => {
            paths.insert(path);
        }
    }
}

/// Returns whether a structure of the table has a member. A list or table that is empty is known by what it would hold.
pub(super) fn has(structure: &str, leaf: &Leaf) -> bool {
    let Some(paths) = TABLE.get(structure) else { return false };
    let pattern = leaf.pattern.as_str();
    let is_key = || leaf.above.as_ref().is_some_and(|above| paths.contains(&format!("{above}.*")));
    let is_beginning = |path: &String| {
        let rest = path.strip_prefix(pattern);
        rest.is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    paths.contains(pattern) || is_key() || leaf.is_empty && paths.iter().any(is_beginning)
}

/// Returns the members of an answer of ECS that its model does not have, each such as `deployments[0].shiny`. `list` is
/// the member of the operation's answer that holds such documents.
pub(super) fn unknown(operation: &str, list: &str, document: &Document) -> Vec<String> {
    let Some(operation) = Service::Ecs.model().operation(operation) else { return Vec::new() };
    let answer = json!({ list: [document] });
    let prefix = format!("{list}[0].");
    let unknown = check::answer(operation, answer.as_object().unwrap_or(document));
    let unknown = unknown.into_iter().filter(|violation| violation.rule == Rule::Unknown);
    unknown.filter_map(|violation| violation.path.to_string().strip_prefix(&prefix).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_block_for_each_structure() {
        let mut names: Vec<&str> = TABLE.keys().copied().collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "EventRule",
                "EventTarget",
                "Listener",
                "LoadBalancer",
                "LogGroup",
                "Rule",
                "ScalableTarget",
                "ScalingPolicy",
                "Schedule",
                "ScheduleTarget",
                "ScheduledAction",
                "Secret",
                "TargetGroup"
            ]
        );
        assert!(TABLE.values().all(|paths| paths.len() > 8));
    }
}
