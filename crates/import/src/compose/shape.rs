//! Has the value of a key the form that the specification gives it? What has not is reported, and not read.

use super::source::Source;
use super::yaml::{Member, Node, Value};

/// Forms that a value may have, after compose-spec's schema (schema/compose-spec.json, `definitions.service`).
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Scalar,
    /// A list of scalars.
    Scalars,
    /// A list of scalars and mappings.
    Items,
    Map,
}
use Form::{Items, Map, Scalar, Scalars};

fn forms(key: &str) -> &'static [Form] {
    match key {
        "command" | "entrypoint" | "tmpfs" => &[Scalar, Scalars],
        "env_file" => &[Scalar, Items],
        "cap_add" | "cap_drop" | "expose" | "profiles" | "links" => &[Scalars],
        "ports" | "volumes" | "secrets" => &[Items],
        "environment" | "labels" | "networks" | "depends_on" => &[Scalars, Map],
        "build" | "extends" => &[Scalar, Map],
        "deploy" | "healthcheck" | "ulimits" => &[Map],
        "image" | "working_dir" | "user" | "init" | "read_only" | "platform" | "restart" | "stop_grace_period"
        | "container_name" | "mem_limit" | "mem_reservation" | "cpus" => &[Scalar],
        // Not carried, whatever form it has.
        _ => &[Scalar, Scalars, Items, Map],
    }
}

/// Takes out what has another form.
pub(super) fn check(source: &mut Source<'_>, entries: &mut Vec<Member>, path: &str) {
    entries.retain(|entry| {
        let is_good = has(&entry.node, forms(&entry.key));
        if !is_good {
            let why = "it is written in a form that the compose specification does not have for it";
            source.leave(format!("{path}.{}", entry.key), entry.line, why);
        }
        is_good
    });
}

fn has(node: &Node, forms: &[Form]) -> bool {
    let is_scalar = |node: &Node| !matches!(node.value, Value::List(_) | Value::Map(_) | Value::Null);
    match &node.value {
        // Nothing is said.
        Value::Null => true,
        Value::Map(_) => forms.contains(&Map),
        Value::List(items) => {
            (forms.contains(&Scalars) && items.iter().all(is_scalar))
                || (forms.contains(&Items)
                    && items.iter().all(|item| is_scalar(item) || matches!(item.value, Value::Map(_))))
        }
        _ => forms.contains(&Scalar),
    }
}
