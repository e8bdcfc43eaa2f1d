//! What does the folder hold that stays with Terraform as a whole? Resources of one type together.

use std::collections::BTreeMap;

use super::super::scope::Instance;
use super::document::Notes;
use super::{Estate, kept};
use crate::Place;
use deploy_core::manifest::database::is_instance;

/// Types that hold data which containers connect to.
const STORES: [&str; 6] = [
    "aws_db_instance",
    "aws_rds_cluster",
    "aws_elasticache_cluster",
    "aws_elasticache_replication_group",
    "aws_mq_broker",
    "aws_opensearch_domain",
];

/// Notes every resource of a stage that is not carried; resources of one type together.
pub(super) fn note(estate: &Estate<'_>, notes: &mut Notes) {
    let mut others: BTreeMap<&str, (Vec<String>, &Place)> = BTreeMap::new();
    for instance in &estate.instances {
        let kind = instance.kind();
        if STORES.contains(&kind) {
            store(estate, instance, notes);
        } else if kept::why(instance).is_some() {
            let (addresses, _) = others.entry(kind).or_insert_with(|| (Vec::new(), &instance.item.place));
            let address = instance.address();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    for (kind, (addresses, place)) in others {
        let why = match kind {
            "aws_iam_role" => "stays in Terraform: the manifest names its ARN",
            "aws_security_group" | "aws_subnet" => "stays in Terraform: the manifest wants its id, under the stage",
            _ => "stays in Terraform: managr has no word for it",
        };
        notes.push(addresses.join(", "), place, why);
    }
    unmanaged_targets(estate, notes);
}

/// A database stays where it is; what matters is how the containers find it.
fn store(estate: &Estate<'_>, instance: &Instance<'_>, notes: &mut Notes) {
    let address = instance.address();
    let shown = |name: &str| instance.given(name).and_then(|value| value.shown());
    let engine = shown("engine").unwrap_or_else(|| instance.kind().trim_start_matches("aws_").to_owned());
    let version = shown("engine_version").map(|version| format!(" {version}")).unwrap_or_default();
    let name = ["identifier", "cluster_identifier", "cluster_id", "replication_group_id"].into_iter().find_map(shown);
    let name = name.map(|name| format!(" `{name}`")).unwrap_or_default();
    let users: Vec<String> = notes
        .wanted
        .iter()
        .filter(|(unknown, _)| unknown.strip_prefix(&address).is_some_and(|rest| rest.starts_with('.')))
        .flat_map(|(_, names)| names.clone())
        .collect();
    let reached = if users.is_empty() {
        "; no variable of a container is made of its address".to_owned()
    } else {
        format!("; the containers reach it by {}, which only AWS can tell", users.join(", "))
    };
    // The words that would give it to containers, for whoever wants its parts in one secret.
    let id = shown("identifier").filter(|id| engine == "postgres" && is_instance(id));
    let words = id.map(|id| {
        let stage = &estate.stage;
        format!("; to give it to containers from a secret: [databases.main], and `instance = \"{id}\"` in [stages.{stage}.databases.main]")
    });
    let reached = format!("{reached}{}", words.unwrap_or_default());
    let what = format!("{address} in stage {}", estate.stage);
    notes.push(what, &instance.item.place, format!("{engine}{version}{name} stays in Terraform{reached}"));
}

/// A scalable target of something that is no service here.
fn unmanaged_targets(estate: &Estate<'_>, notes: &mut Notes) {
    for target in estate.of(&["aws_appautoscaling_target"]) {
        let id = target.attribute("resource_id").shown();
        let named = id.as_deref().and_then(|id| id.rsplit('/').next()).is_some_and(|name| {
            estate.of(&["aws_ecs_service"]).any(|service| service.attribute("name").shown().as_deref() == Some(name))
        });
        if !named {
            notes.push(target.address(), &target.item.place, "what it scales cannot be told: it stays in Terraform");
        }
    }
}
