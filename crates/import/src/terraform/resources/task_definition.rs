//! `aws_ecs_task_definition`: what would Terraform have registered?
//!
//! A request of RegisterTaskDefinition with what is known and may be shown. Variables whose value is sensitive
//! become secrets, and variables whose value is unknown are taken out; both are noted.

use std::collections::BTreeMap;

use aws_model::Document;
use serde_json::{Map, Value as Json, json};

use super::super::json::{self as text_json, Marks};
use super::super::scope::Instance;
use super::super::sensitive::looks_sensitive;
use super::super::value::{Piece, Text, Value};
use super::book::{Book, CONTAINERS, Container};
use super::document::{Notes, Spot, document, settled, why_unknown};
use super::{Estate, renamed, secret, table, tables};
use crate::{FoundSecret, places, unnamed};

/// Arguments that become a member of the request as they are.
const PLAIN: [(&str, &str); 7] = [
    ("execution_role_arn", "executionRoleArn"),
    ("task_role_arn", "taskRoleArn"),
    ("network_mode", "networkMode"),
    ("requires_compatibilities", "requiresCompatibilities"),
    ("pid_mode", "pidMode"),
    ("ipc_mode", "ipcMode"),
    ("enable_fault_injection", "enableFaultInjection"),
];
/// Returns a task definition's request and its members with unknown values; nothing, and a note, if its containers
/// are unknown.
pub(super) fn task_definition(
    estate: &Estate<'_>,
    instance: &Instance<'_>,
    secrets: &[FoundSecret],
    object: &str,
    book: &mut Book,
    notes: &mut Notes,
) -> Option<(Document, Vec<String>)> {
    drop(notes.take_untold());
    let address = instance.address();
    let place = &instance.item.place;
    let spot = Spot { what: &address, place, stage: &estate.stage };
    let rows = [tables::TASK_DEFINITION, tables::ANY];
    let read = table::made(estate, instance, &book.leaves(instance), &rows, object, &mut book.ledger);
    // What no row names is in no document.
    read.unread.into_iter().filter(|path| !path.starts_with(CONTAINERS)).for_each(|path| notes.untold(path));
    for one in read.unknown {
        book.list(&address, &one.path, why_unknown(&one.member, &one.why, &estate.stage));
    }
    let mut values = BTreeMap::new();
    for (terraform, aws) in PLAIN {
        values.extend(instance.given(terraform).map(|value| (aws.to_owned(), value)));
    }
    for (terraform, aws) in [("cpu", "cpu"), ("memory", "memory")] {
        let text = instance.given(terraform).and_then(|value| value.as_text());
        values.extend(text.map(|text| (aws.to_owned(), Value::Text(text))));
    }
    for block in instance.blocks("runtime_platform") {
        let names = [("operating_system_family", "operatingSystemFamily"), ("cpu_architecture", "cpuArchitecture")];
        values.insert("runtimePlatform".to_owned(), Value::Map(renamed(&block, &names)));
    }
    for block in instance.blocks("ephemeral_storage") {
        values.insert("ephemeralStorage".to_owned(), Value::Map(renamed(&block, &[("size_in_gib", "sizeInGiB")])));
    }
    let volumes: Vec<Value> = instance.blocks("volume").iter().map(|block| Value::Map(volume(block))).collect();
    if !volumes.is_empty() {
        values.insert("volumes".to_owned(), Value::List(volumes));
    }
    let constraints: Vec<Value> = instance
        .blocks("placement_constraints")
        .iter()
        .map(|block| Value::Map(renamed(block, &[("type", "type"), ("expression", "expression")])))
        .collect();
    if !constraints.is_empty() {
        values.insert("placementConstraints".to_owned(), Value::List(constraints));
    }
    if let Some(Value::Map(tags)) = instance.given("tags") {
        values.insert("tags".to_owned(), super::service::tags(tags));
    }
    for block in instance.blocks("proxy_configuration") {
        let mut proxy = renamed(&block, &[("type", "type"), ("container_name", "containerName")]);
        if let Some(Value::Map(properties)) = block.get("properties") {
            let pair = |(name, value): (&String, &Value)| {
                Value::Map(BTreeMap::from([
                    ("name".to_owned(), name.as_str().into()),
                    ("value".to_owned(), value.clone()),
                ]))
            };
            proxy.insert("properties".to_owned(), Value::List(properties.iter().map(pair).collect()));
        }
        values.insert("proxyConfiguration".to_owned(), Value::Map(proxy));
    }

    let mut found = Map::new();
    let told = estate.names.get(&address).cloned();
    let family = told.or_else(|| instance.attribute("family").shown()).unwrap_or_else(|| {
        notes.push(
            format!("family of {address} in stage {}", estate.stage),
            place,
            format!("cannot be evaluated; its label stands for it: say --name '{address}=FAMILY', or give --state"),
        );
        notes.untold("family");
        instance.item.label(1).to_owned()
    });
    found.insert("family".to_owned(), family.into());
    found.extend(document(&values, &spot, notes));
    let Containers { made, fates } = match containers(estate, instance, secrets, &spot, notes) {
        Ok(containers) => containers,
        Err(why) => {
            notes.push(format!("container_definitions of {} in stage {}", spot.what, estate.stage), spot.place, &why);
            book.list(&address, CONTAINERS, why);
            return None;
        }
    };
    for member in book.containers(&address) {
        claim(&address, &member, object, &made, &fates, &spot, book);
    }
    // The provider reads containers into ECS's model and drops what it does not have: no definition that is there has it.
    let names: Vec<String> =
        made.as_array().into_iter().flatten().map(|one| one["name"].as_str().unwrap_or_default().to_owned()).collect();
    found.insert("containerDefinitions".to_owned(), made);
    // A default such as `<ACCOUNT>` has not been filled in yet; images are reported as a difference of their own.
    for (path, text) in places::places(&Json::Object(found.clone())) {
        if !path.ends_with(".image") && text.starts_with('<') {
            let what = format!("{path} of {address} in stage {}", estate.stage);
            notes.push(
                what,
                place,
                format!("`{text}` is a place that somebody fills in: write the value that is meant"),
            );
            notes.untold(path);
        }
    }
    for (before, name) in unnamed::name_containers(&mut found) {
        let what = format!("name of container {name} of {address} in stage {}", estate.stage);
        notes.push(what, place, unnamed::why(&before, &name));
        notes.untold(format!("{CONTAINERS}.{name}.name"));
    }
    for left in crate::taskdef::without_unknown(&mut found, place) {
        let path = with_name(&left.what, &names);
        book.list(&address, &path, left.why.clone());
        // Beside a variable's name and value, or in a list, it has no line of its own.
        notes.push(format!("{path} of {address}"), place, left.why);
    }
    Some((found, notes.take_untold()))
}

/// Returns the path of the line of `containerDefinitions[0].networkMode`: lines know containers by their names.
fn with_name(path: &str, names: &[String]) -> String {
    let named = path.strip_prefix("containerDefinitions[").and_then(|rest| {
        let (number, rest) = rest.split_once(']')?;
        Some(format!("{CONTAINERS}.{}{rest}", names.get(number.parse::<usize>().ok()?)?))
    });
    named.unwrap_or_else(|| path.to_owned())
}

/// Says what became of a member of a container.
fn claim(
    address: &str,
    member: &Container,
    object: &str,
    made: &Json,
    fates: &BTreeMap<(String, String), Fate>,
    spot: &Spot<'_>,
    book: &mut Book,
) {
    let path = format!("containerDefinitions.{}", member.member.join("."));
    if let [container, list, variable] = member.member.as_slice()
        && list == "environment"
        && let Some(fate) = fates.get(&(container.clone(), variable.clone()))
    {
        return match fate {
            Fate::Left(why) => book.list(address, &member.path, why.as_str()),
            Fate::Secret => {
                let path = format!("containerDefinitions.{container}.secrets.{variable}");
                book.became(address, &member.path, object, path);
            }
        };
    }
    // An image keeps its repository, whatever its tag is.
    let is_image = member.member.get(1).is_some_and(|name| name == "image");
    match &member.why {
        Some(why) if !is_image && !is_in(made, &member.member) => {
            let why =
                why.strip_prefix("cannot be evaluated: ").map_or_else(|| why.replacen("holds ", "", 1), str::to_owned);
            book.list(address, &member.path, why_unknown(&path, &why, spot.stage));
        }
        _ => book.became(address, &member.path, object, path),
    }
}

/// Returns whether containers have a member.
fn is_in(made: &Json, member: &[String]) -> bool {
    let mut value = made;
    for name in member {
        let next = match value {
            Json::Array(items) => items
                .iter()
                .find(|item| item.get("name").is_some_and(|one| one == name))
                .or_else(|| items.get(name.parse::<usize>().ok()?)),
            other => other.get(name),
        };
        match next {
            Some(next) => value = next,
            None => return false,
        }
    }
    true
}

fn volume(block: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut volume = renamed(block, &[("name", "name"), ("configure_at_launch", "configuredAtLaunch")]);
    if let Some(path) = block.get("host_path") {
        volume.insert("host".to_owned(), Value::Map(BTreeMap::from([("sourcePath".to_owned(), path.clone())])));
    }
    let nested = |name: &str| match block.get(name) {
        Some(Value::List(blocks)) => blocks.first().cloned(),
        _ => None,
    };
    if let Some(Value::Map(efs)) = nested("efs_volume_configuration") {
        let mut made = renamed(
            &efs,
            &[
                ("file_system_id", "fileSystemId"),
                ("root_directory", "rootDirectory"),
                ("transit_encryption", "transitEncryption"),
                ("transit_encryption_port", "transitEncryptionPort"),
            ],
        );
        if let Some(Value::List(blocks)) = efs.get("authorization_config")
            && let Some(Value::Map(config)) = blocks.first()
        {
            let config = renamed(config, &[("access_point_id", "accessPointId"), ("iam", "iam")]);
            made.insert("authorizationConfig".to_owned(), Value::Map(config));
        }
        volume.insert("efsVolumeConfiguration".to_owned(), Value::Map(made));
    }
    if let Some(Value::Map(fsx)) = nested("fsx_windows_file_server_volume_configuration") {
        let mut made = renamed(&fsx, &[("file_system_id", "fileSystemId"), ("root_directory", "rootDirectory")]);
        if let Some(Value::List(blocks)) = fsx.get("authorization_config")
            && let Some(Value::Map(config)) = blocks.first()
        {
            let names = [("credentials_parameter", "credentialsParameter"), ("domain", "domain")];
            made.insert("authorizationConfig".to_owned(), Value::Map(renamed(config, &names)));
        }
        volume.insert("fsxWindowsFileServerVolumeConfiguration".to_owned(), Value::Map(made));
    }
    if let Some(Value::Map(docker)) = nested("docker_volume_configuration") {
        let names = [
            ("scope", "scope"),
            ("autoprovision", "autoprovision"),
            ("driver", "driver"),
            ("driver_opts", "driverOpts"),
            ("labels", "labels"),
        ];
        volume.insert("dockerVolumeConfiguration".to_owned(), Value::Map(renamed(&docker, &names)));
    }
    volume
}

/// Containers as they can be carried, and what became of variables that could not.
struct Containers {
    made: Json,
    fates: BTreeMap<(String, String), Fate>,
}

/// What became of a variable of a container that is not carried as it is.
enum Fate {
    Left(String),
    Secret,
}

fn containers(
    estate: &Estate<'_>,
    instance: &Instance<'_>,
    secrets: &[FoundSecret],
    spot: &Spot<'_>,
    notes: &mut Notes,
) -> Result<Containers, String> {
    let Some(text) = instance.attribute(CONTAINERS).as_text() else { return Err("is no JSON text".to_owned()) };
    if let [Piece::Unknown(unknown)] = text.0.as_slice() {
        return Err(format!("cannot be evaluated: {unknown}"));
    }
    let (mut json, marks) = text_json::parse(&text).map_err(|why| format!("its text is no JSON: {why}"))?;
    aws_model::shape::recase_containers(&mut json);
    for (path, said) in aws_model::shape::retype_containers(&mut json) {
        let what = format!("{CONTAINERS}.{path} of {} in stage {}", spot.what, spot.stage);
        let why =
            format!("is the text {said} in the JSON, and the provider refuses that: carried as what ECS takes there");
        notes.push(what, spot.place, why);
    }
    let Json::Array(containers) = json else { return Err("is no list of containers".to_owned()) };
    let (mut made, mut fates) = (Vec::new(), BTreeMap::new());
    for container in containers {
        let Json::Object(mut container) = container else { continue };
        let name =
            container.get("name").and_then(Json::as_str).map(|name| marks.text(name)).and_then(|name| name.shown());
        if name.is_none() {
            // It is reported once, and gets a name that stands for it.
            container.remove("name");
        }
        let name = name.unwrap_or_else(|| "?".to_owned());
        let told = environment(&mut container, &name, &marks, estate, secrets, spot, notes);
        fates.extend(told.into_iter().map(|(variable, fate)| ((name.clone(), variable), fate)));
        image(&mut container, &name, &marks, spot, notes);
        let path = format!("containerDefinitions[{name}]");
        if let Some(container) = settled(Json::Object(container), &marks, &path, spot, notes) {
            made.push(container);
        }
    }
    Ok(Containers { made: Json::Array(made), fates })
}

/// Takes variables out that cannot be carried, and makes secrets of those that must not be shown.
fn environment(
    container: &mut Map<String, Json>,
    name: &str,
    marks: &Marks,
    estate: &Estate<'_>,
    secrets: &[FoundSecret],
    spot: &Spot<'_>,
    notes: &mut Notes,
) -> Vec<(String, Fate)> {
    let mut fates = Vec::new();
    let Some(Json::Array(entries)) = container.get_mut("environment") else { return fates };
    let mut moved = Vec::new();
    entries.retain_mut(|entry| {
        let Some(variable) = entry.get("name").and_then(Json::as_str).map(str::to_owned) else { return true };
        let value = match entry.get("value") {
            Some(Json::String(text)) => marks.text(text),
            Some(scalar @ (Json::Number(_) | Json::Bool(_))) => {
                let kind = if scalar.is_number() { "a number" } else { "true or false" };
                let why = format!("is {kind} in the JSON, and the provider refuses that: carried as the text \"{scalar}\"; write it as one there too");
                notes.variable(&variable, name, spot.place, why);
                Text::plain(scalar.to_string())
            }
            _ => return true,
        };
        let stage = &estate.stage;
        if let Some(unknown) = value.unknowns().next() {
            let secret = if looks_sensitive(&variable) || unknown.contains("password") { " --secret" } else { "=..." };
            notes.want(unknown, &variable);
            let why =
                format!("cannot be evaluated: {unknown}; set it with `managr vars set {stage} {variable}{secret}`");
            notes.variable(&variable, name, spot.place, why.clone());
            notes.untold(format!("variable {variable} of {name}"));
            fates.push((variable, Fate::Left(why)));
            return false;
        }
        let from = value.secrets().next().map(str::to_owned);
        let credential = looks_sensitive(&variable) && credential(&value);
        if from.is_some() || credential {
            let why = match from {
                Some(from) => format!("holds the sensitive value of {from}"),
                None => "looks like a credential".to_owned(),
            };
            let why = format!(
                "{why}: made a secret without its value; give it with `managr vars set {stage} {variable} --secret`"
            );
            notes.variable(&variable, name, spot.place, why);
            notes.untold(format!("variable {variable} of {name} (a secret now)"));
            fates.push((variable.clone(), Fate::Secret));
            moved.push(variable);
            return false;
        }
        if let (Some(text), Some(entry)) = (value.shown(), entry.as_object_mut()) {
            entry.insert("value".to_owned(), text.into());
        }
        true
    });
    if moved.is_empty() {
        return fates;
    }
    let arn = secret::destination(estate, secrets);
    let list = container.entry("secrets").or_insert_with(|| json!([]));
    let Json::Array(list) = list else { return fates };
    for variable in moved {
        if !list.iter().any(|entry| entry["name"] == variable.as_str()) {
            list.push(json!({ "name": variable, "valueFrom": format!("{arn}:{variable}::") }));
        }
    }
    fates
}

/// A text that is no truth, number, ARN or empty.
fn credential(value: &Text) -> bool {
    value.shown().is_some_and(|text| {
        !text.is_empty() && !text.starts_with("arn:") && text.parse::<bool>().is_err() && text.parse::<f64>().is_err()
    })
}

/// An image whose tag is unknown keeps its repository, if that is the application's own: the tag is the
/// deployment's business. Any other holds a mark that ECS refuses, so that it cannot be deployed by mistake.
fn image(container: &mut Map<String, Json>, name: &str, marks: &Marks, spot: &Spot<'_>, notes: &mut Notes) {
    let Some(text) = container.get("image").and_then(Json::as_str).map(|image| marks.text(image)) else { return };
    let Some(unknown) = text.unknowns().chain(text.secrets()).next() else { return };
    let repository = match text.0.first() {
        Some(Piece::Plain(plain)) => {
            plain.rsplit_once(':').map(|(repository, _)| repository).filter(|one| !one.is_empty())
        }
        _ => None,
    };
    let is_own = |repository: &&str| repository.contains(".dkr.ecr.");
    let (image, why) = match (repository.filter(is_own), repository) {
        (Some(repository), _) => (format!("{repository}:latest"), "its tag cannot be told"),
        (None, Some(repository)) => (format!("{repository}:{}", mark(unknown)), "its tag cannot be told"),
        (None, None) => (format!("{}{}", crate::places::UNTOLD, mark(unknown)), "cannot be evaluated"),
    };
    let what = format!("image of container {name} of {} in stage {}", spot.what, spot.stage);
    let then = if repository.is_some_and(|one| is_own(&one)) {
        ""
    } else {
        ", and no deployment takes it: write the image that is meant"
    };
    notes.push(what, spot.place, format!("{why}: {unknown}; {image} stands for it{then}"));
    container.insert("image".to_owned(), image.into());
}

/// ECS takes no `$` in an image (API reference, ContainerDefinition): a manifest with it can be read, not deployed.
fn mark(unknown: &str) -> String {
    let address = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = if unknown.chars().all(address) { unknown } else { "image" };
    format!("${{{name}}}")
}
