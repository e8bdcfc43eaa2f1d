//! The rules for `dependsOn` and `links`: what they name exists, and nothing waits for itself.

use std::collections::BTreeMap;

use super::refuse;
use crate::AwsError;
use crate::task_definition::TaskDefinition;

/// Refuses dependencies that can never be met.
pub(super) fn check(spec: &TaskDefinition) -> Result<(), AwsError> {
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in &spec.container_definitions {
        for dependency in &container.depends_on {
            let name = dependency.container_name.as_str();
            let Some(other) = spec.container(name) else {
                // dagster-io/dagster #6926; the plus sign is ECS's.
                return refuse(format!("Cannot depend on container + '{name}' because it does not exist"));
            };
            if other.essential && matches!(dependency.condition.as_str(), "SUCCESS" | "COMPLETE") {
                // boto/boto3 #2436.
                return refuse(
                    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
                );
            }
            edges.entry(&container.name).or_default().push(name);
        }
    }
    if let Some(cycle) = cycle(&edges) {
        return refuse(format!("Container dependencies should not have a cycle: {}.", cycle.join(" -> ")));
    }
    let mut links: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in &spec.container_definitions {
        for link in &container.links {
            let name = link.split(':').next().unwrap_or_default();
            if spec.container(name).is_none() {
                return refuse(format!("Cannot link to container '{name}' because it does not exist"));
            }
            links.entry(&container.name).or_default().push(name);
        }
    }
    // Shippable/support #4194.
    cycle(&links).map_or(Ok(()), |_| refuse("Container links should not have a cycle"))
}

/// Returns a way from a container back to itself.
fn cycle<'a>(edges: &BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    fn visit<'a>(
        node: &'a str,
        edges: &BTreeMap<&'a str, Vec<&'a str>>,
        way: &mut Vec<&'a str>,
        done: &mut Vec<&'a str>,
    ) -> bool {
        if done.contains(&node) {
            return false;
        }
        if let Some(start) = way.iter().position(|n| *n == node) {
            way.drain(..start);
            way.push(node);
            return true;
        }
        way.push(node);
        if edges.get(node).into_iter().flatten().any(|next| visit(next, edges, way, done)) {
            return true;
        }
        way.pop();
        done.push(node);
        false
    }
    let (mut way, mut done) = (Vec::new(), Vec::new());
    edges.keys().any(|node| visit(node, edges, &mut way, &mut done)).then_some(way)
}
