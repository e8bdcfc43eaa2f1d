//! Does AWS's model have this member? For what is answered about things that run.
//!
//! The table is `model.txt`, written by `tools/live_model.py`; ECS's own structures are asked of [`aws_model::check`].

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use aws_model::check::{self, Rule};
use aws_model::{Document, Service};
use serde_json::json;

use super::walk::Leaf;

type Paths = HashSet<&'static str>;

static TABLE: LazyLock<HashMap<&'static str, Paths>> = LazyLock::new(|| {
    let blocks = include_str!("model.txt").split("\n\n").skip(1);
    blocks.filter_map(|block| block.split_once('\n')).map(|(name, paths)| (name, paths.lines().collect())).collect()
});

/// Returns whether a structure of the table has a member. A list or table that is empty is known by what it would hold.
pub(super) fn has(structure: &str, leaf: &Leaf) -> bool {
    let Some(paths) = TABLE.get(structure) else { return false };
    let pattern = leaf.pattern.as_str();
    let is_key = || leaf.above.as_ref().is_some_and(|above| paths.contains(format!("{above}.*").as_str()));
    let is_beginning = |path: &&str| {
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
                "ScheduledAction",
                "TargetGroup"
            ]
        );
        assert!(TABLE.values().all(|paths| paths.len() > 8));
    }
}
