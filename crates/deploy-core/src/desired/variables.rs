//! Which variables and secrets does a container get, and who said so?
//!
//! Later wins: `[variables]`, the stage, the container, the container in the stage. A name that a
//! restriction lists gets the variable whatever its `inherit` says; without a list, `inherit` decides.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::spec::{self, Placed, TaskSpec};
use super::{DesiredError, Scope, SecretKey, SecretSpec, seen, stage_of};
use crate::manifest::{ContainerSecret, Inherit, Manifest, Named, Names, Scalar, Secret, Stage};

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance(
    /// Path in the manifest, such as `stages.staging.variables.DEBUG`.
    pub String,
);

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a container gets under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// A plain value.
    Plain(String),
    /// A key of the stage's JSON secret.
    Key(String),
    /// An ARN of its own.
    From(String),
    /// A part of a database's secret.
    Part {
        /// Name in `[databases]`.
        database: String,
        /// Key of the secret.
        part: &'static str,
    },
}

/// A variable or secret of one container, and who said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Service or schedule.
    pub owner: String,
    /// Container.
    pub container: String,
    /// Name of the variable.
    pub name: String,
    /// What it gets.
    pub setting: Setting,
    /// Where that was written.
    pub from: Provenance,
    /// Where it was written too, but overridden; the latest first.
    pub over: Vec<Provenance>,
}

/// What a container says about its variables.
pub(super) struct Wishes<'a> {
    container: &'a str,
    path: &'a str,
    variables: &'a Named<Scalar>,
    secrets: &'a Named<ContainerSecret>,
    inherit: Option<&'a Inherit>,
    /// Paths and variables of the container in the stage.
    in_stage: &'a [(String, &'a Named<Scalar>)],
}

impl<'a> Wishes<'a> {
    pub(super) fn of(placed: &'a Placed<'_>) -> Self {
        Self {
            container: placed.name,
            path: &placed.path,
            variables: &placed.spec.variables,
            secrets: &placed.spec.secrets,
            inherit: placed.spec.inherit.as_ref(),
            in_stage: &placed.in_stage,
        }
    }
}

/// Settings by name with every place that had a say, the winner last.
type Settled = BTreeMap<String, Vec<(Setting, Provenance)>>;

/// Returns every variable and secret of every container of a stage with its origin.
///
/// # Errors
/// The stage does not exist.
pub fn explain(manifest: &Manifest, stage: &str) -> Result<Vec<Explained>, DesiredError> {
    let manifest = &*seen(manifest, stage);
    let settings = stage_of(manifest, stage)?;
    let manifest = &manifest.in_stage(stage);
    let mut all = Vec::new();
    for task in spec::tasks(manifest, stage, &settings) {
        for placed in task.containers() {
            let settled = settle(manifest, stage, &settings, &Wishes::of(&placed));
            all.extend(explained(task.name(), placed.name, settled));
        }
    }
    Ok(all)
}

fn explained(owner: &str, container: &str, settled: Settled) -> Vec<Explained> {
    let one = |(name, mut said): (String, Vec<(Setting, Provenance)>)| {
        let (setting, from) = said.pop()?;
        let over = said.into_iter().rev().map(|(_, place)| place).collect();
        Some(Explained { owner: owner.to_owned(), container: container.to_owned(), name, setting, from, over })
    };
    settled.into_iter().filter_map(one).collect()
}

fn settle(manifest: &Manifest, stage: &str, settings: &Stage, wishes: &Wishes<'_>) -> Settled {
    let mut settled = Settled::new();
    let mut say = |name: &str, setting: Setting, place: String| {
        settled.entry(name.to_owned()).or_default().push((setting, Provenance(place)));
    };

    let names =
        manifest.variables.names().chain(settings.variables.names().filter(|n| !manifest.variables.contains(n)));
    for name in names {
        let (base, own) = (manifest.variables.get(name), settings.variables.get(name));
        let list = own.and_then(|v| v.containers()).or_else(|| base.and_then(|v| v.containers()));
        if reaches(list, wishes, name, |parts| parts.variables.as_ref()) {
            base.into_iter().for_each(|v| say(name, Setting::Plain(v.value()), format!("variables.{name}")));
            let place = format!("stages.{stage}.variables.{name}");
            own.into_iter().for_each(|v| say(name, Setting::Plain(v.value()), place.clone()));
        }
    }
    for (name, secret, place) in secrets(manifest, stage, settings) {
        if reaches(secret.containers.as_deref(), wishes, name, |parts| parts.secrets.as_ref()) {
            say(name, setting(name, secret.from.as_ref(), secret.key.as_ref()), place);
        }
    }
    for (database, spec) in manifest.databases.iter() {
        for (part, name) in spec.given() {
            if reaches(spec.containers.as_deref(), wishes, &name, |parts| parts.secrets.as_ref()) {
                let place = match spec.variables {
                    Some(_) => format!("databases.{database}.variables.{part}"),
                    None => format!("databases.{database}"),
                };
                say(&name, Setting::Part { database: database.to_owned(), part }, place);
            }
        }
    }
    for (name, value) in wishes.variables.iter() {
        say(name, Setting::Plain(value.to_string()), format!("{}.variables.{name}", wishes.path));
    }
    for (name, secret) in wishes.secrets.iter() {
        let place = format!("{}.secrets.{name}", wishes.path);
        say(name, setting(name, secret.from.as_ref(), secret.key.as_ref()), place);
    }
    for (path, variables) in wishes.in_stage {
        for (name, value) in variables.iter() {
            say(name, Setting::Plain(value.to_string()), format!("{path}.variables.{name}"));
        }
    }
    settled
}

fn setting(name: &str, from: Option<&String>, key: Option<&String>) -> Setting {
    match from {
        Some(arn) => Setting::From(arn.clone()),
        None => Setting::Key(key.cloned().unwrap_or_else(|| name.to_owned())),
    }
}

fn reaches(
    list: Option<&[String]>,
    wishes: &Wishes<'_>,
    name: &str,
    part: fn(&crate::manifest::InheritParts) -> Option<&Names>,
) -> bool {
    if let Some(list) = list {
        return list.iter().any(|container| container == wishes.container);
    }
    match wishes.inherit {
        None => true,
        Some(Inherit::All(all)) => *all,
        Some(Inherit::Parts(parts)) => match part(parts) {
            None => true,
            Some(Names::All(all)) => *all,
            Some(Names::Some(names)) => names.iter().any(|listed| listed == name),
        },
    }
}

/// Returns the secrets of a stage with the place of the last word on each.
fn secrets<'a>(manifest: &'a Manifest, stage: &str, settings: &'a Stage) -> Vec<(&'a str, Secret, String)> {
    let added = settings.secrets.names().filter(|name| !manifest.secrets.contains(name));
    let one = |name: &'a str| {
        let base = manifest.secrets.get(name).cloned();
        let (mut secret, mut place) = (base.unwrap_or_default(), format!("secrets.{name}"));
        if let Some(own) = settings.secrets.get(name) {
            place = format!("stages.{stage}.secrets.{name}");
            secret = Secret {
                containers: own.containers.clone().or(secret.containers),
                generate: own.generate.or(secret.generate),
                key: own.key.clone().or(secret.key),
                from: own.from.clone().or(secret.from),
            };
        }
        (name, secret, place)
    };
    manifest.secrets.names().chain(added).map(one).collect()
}

impl Scope<'_> {
    /// Returns the winners by name.
    pub(super) fn settings(&self, wishes: &Wishes<'_>) -> BTreeMap<String, Setting> {
        let settled = settle(self.manifest, self.name, self.stage, wishes);
        settled.into_iter().filter_map(|(name, mut said)| Some((name, said.pop()?.0))).collect()
    }

    pub(super) fn secret_spec(&self, tasks: &[TaskSpec]) -> Option<SecretSpec> {
        let mut keys: BTreeMap<String, bool> = BTreeMap::new();
        let mut need = |name: &str, key: Option<&String>, from: Option<&String>, generate: Option<bool>| {
            if from.is_none() {
                *keys.entry(key.cloned().unwrap_or_else(|| name.to_owned())).or_default() |= generate.unwrap_or(false);
            }
        };
        for (name, secret, _) in secrets(self.manifest, self.name, self.stage) {
            need(name, secret.key.as_ref(), secret.from.as_ref(), secret.generate);
        }
        for placed in tasks.iter().flat_map(TaskSpec::containers) {
            for (name, secret) in placed.spec.secrets.iter() {
                need(name, secret.key.as_ref(), secret.from.as_ref(), secret.generate);
            }
        }
        let keys: Vec<SecretKey> = keys.into_iter().map(|(key, generate)| SecretKey { key, generate }).collect();
        (!keys.is_empty()).then(|| SecretSpec { name: self.secret_name(), keys })
    }
}
