//! `aws_secretsmanager_secret`: which JSON secrets are there, and which keys do they have? Never a value.

use std::collections::BTreeSet;

use deploy_core::desired::DEFAULT_REGION;
use serde_json::Value as Json;

use super::super::eval::Frame;
use super::super::json;
use super::super::scope::Instance;
use super::super::value::Value;
use super::Estate;
use super::document::Notes;
use crate::FoundSecret;

const VERSION: &str = "aws_secretsmanager_secret_version";

/// Arguments whose value is a secret.
const SINKS: [(&str, &str); 6] = [
    (VERSION, "secret_string"),
    (VERSION, "secret_binary"),
    ("aws_db_instance", "password"),
    ("aws_rds_cluster", "master_password"),
    ("aws_elasticache_replication_group", "auth_token"),
    ("aws_ssm_parameter", "value"),
];

/// Returns the leaves of variables that flow into a secret, from an evaluation in which everything is hidden.
///
/// What also names a resource, such as an environment's name in a URL, is public already.
pub(super) fn flowing(hidden: &[Instance<'_>]) -> BTreeSet<String> {
    let (mut flowing, mut public) = (BTreeSet::new(), BTreeSet::new());
    for instance in hidden {
        for (kind, argument) in SINKS {
            let plain = kind == "aws_ssm_parameter"
                && instance.given("type").and_then(|kind| kind.as_text()?.known()).as_deref() != Some("SecureString");
            if instance.kind() == kind && !plain {
                flowing.extend(instance.given(argument).iter().flat_map(origins));
            }
        }
        for argument in ["name", "family", "bucket", "identifier", "cluster_id", "cluster_identifier"] {
            public.extend(instance.given(argument).iter().flat_map(origins));
        }
    }
    &flowing - &public
}

fn origins(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Text(text) => {
            // The text may be JSON of other texts; its pieces are all there.
            text.secrets().map(str::to_owned).collect()
        }
        Value::List(values) => values.iter().flat_map(origins).collect(),
        Value::Map(values) => values.values().flat_map(origins).collect(),
        _ => BTreeSet::new(),
    }
}

/// Returns the JSON secrets of a stage.
pub(super) fn secrets(estate: &Estate<'_>, notes: &mut Notes) -> Vec<FoundSecret> {
    let mut found = Vec::new();
    for instance in estate.of(&["aws_secretsmanager_secret"]) {
        let Some(name) = instance.attribute("name").shown() else {
            let why = "its name cannot be told (name_prefix, or a part is unknown): name it with `secret = \"...\"` under the stage";
            notes.push(instance.address(), &instance.item.place, why);
            continue;
        };
        let arn = instance.attribute("arn").shown();
        let versions = estate.of(&[VERSION]).filter(|version| {
            let of = version.attribute("secret_id");
            of.shown().is_some_and(|of| of == name || Some(&of) == arn.as_ref())
        });
        let mut versions = versions.peekable();
        let told = versions.peek().is_some();
        let keys: Vec<Vec<String>> = versions.filter_map(keys).collect();
        // A secret with a version that is no JSON object is one value; a task definition names it by its ARN.
        if told && keys.is_empty() {
            continue;
        }
        let mut all: Vec<String> = Vec::new();
        for key in keys.into_iter().flatten() {
            if !all.contains(&key) {
                all.push(key);
            }
        }
        found.push(FoundSecret { name, arn, keys: all });
    }
    found
}

/// Returns the keys of a version's JSON object.
fn keys(version: &Instance<'_>) -> Option<Vec<String>> {
    let frame = Frame::of(&version.key, &version.each);
    let text = version.scope.argument(version.item, &frame, "secret_string")?.as_text()?;
    let (document, marks) = json::parse(&text).ok()?;
    let Json::Object(members) = document else { return None };
    members.keys().map(|key| marks.text(key).shown()).collect()
}

/// Returns the ARN of the secret that a variable is moved to: the stage's only JSON secret, or managr's own.
pub(super) fn destination(estate: &Estate<'_>, secrets: &[FoundSecret]) -> String {
    if let [FoundSecret { arn: Some(arn), .. }] = secrets {
        return arn.clone();
    }
    let Some(scope) = estate.instances.first().map(|instance| &instance.scope) else { return String::new() };
    let region = scope.region().shown().unwrap_or_else(|| DEFAULT_REGION.to_owned());
    let app = estate.app.as_deref().unwrap_or("app");
    format!("arn:aws:secretsmanager:{region}:{}:secret:{app}/{}", scope.account(), estate.stage)
}
