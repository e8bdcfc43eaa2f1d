//! Which containers keep a schedule's `overlap` and `timeout`? The task definition says so in a label.

use aws_model::task_definition::ContainerDefinition;

/// Label of the containers (`deploy_core::gate::LABEL`).
const LABEL: &str = "managr.gate";

/// Returns whether a container is one of them.
pub(crate) fn is_gate(container: &ContainerDefinition) -> bool {
    container.docker_labels.contains_key(LABEL)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::is_gate;

    #[test]
    fn only_a_container_with_the_label_is_one() {
        let container = |labels: Value| serde_json::from_value(json!({ "name": "a", "dockerLabels": labels })).unwrap();
        assert!(is_gate(&container(json!({ "managr.gate": "overlap skip" }))));
        assert!(!is_gate(&container(json!({ "managr": "gate" }))));
    }
}
