//! What does every container of every stage get? The documents say what, `explain` says who said so.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use aws_model::task_definition::TaskDefinition;

use crate::desired::{Desired, DesiredError, Explained, Facts, Owner, Setting, desired, explain};
use crate::lint::secret::is_secret;
use crate::manifest::{LOCAL, Manifest};

use super::seen::Source;

/// The manifest, looked at from every stage.
pub(super) struct Scene<'a> {
    pub(super) manifest: &'a Manifest,
    /// Every stage, `local` too: some rules compare with stages that were not asked about.
    pub(super) stages: Vec<StageScene>,
}

pub(super) struct StageScene {
    pub(super) name: String,
    /// Whether findings of this stage are wanted.
    pub(super) asked: bool,
    pub(super) desired: Desired,
    pub(super) containers: Vec<ContainerScene>,
}

/// A container in a stage.
pub(super) struct ContainerScene {
    pub(super) owner: String,
    pub(super) name: String,
    /// Image that it runs, without tag.
    pub(super) image: String,
    /// Whether that is built here.
    pub(super) is_own: bool,
    pub(super) gets: BTreeMap<String, Gets>,
}

/// What a container gets under a name.
#[derive(Debug, Clone)]
pub(super) struct Gets {
    pub(super) what: Given,
    /// Where it was written.
    pub(super) path: String,
    /// Where it was written too, but overridden; the latest first.
    pub(super) over: Vec<String>,
}

/// What a container is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    /// A value.
    Plain(String),
    /// A key of the stage's own secret.
    Key(String),
    /// Something else that has a value.
    From(String),
}

impl Given {
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

impl<'a> Scene<'a> {
    pub(super) fn new(manifest: &'a Manifest, asked: &[String]) -> Result<Self, DesiredError> {
        let own = manifest.stages.names().filter(|name| *name != LOCAL);
        let mut stages = Vec::new();
        for name in [LOCAL].into_iter().chain(own) {
            let wanted = asked.is_empty() || asked.iter().any(|stage| stage == name);
            stages.push(StageScene::new(manifest, name, wanted)?);
        }
        for stage in asked {
            // For its error.
            explain(manifest, stage)?;
        }
        Ok(Self { manifest, stages })
    }

    pub(super) fn asked(&self) -> impl Iterator<Item = &StageScene> {
        self.stages.iter().filter(|stage| stage.asked)
    }
}

impl StageScene {
    fn new(manifest: &Manifest, name: &str, asked: bool) -> Result<Self, DesiredError> {
        // Only names are asked for: a tag that git cannot make must not stand in the way.
        let images = manifest.images.names().map(|image| (image.to_owned(), image.to_owned())).collect();
        let desired = desired(manifest, name, &Facts { images, ..Facts::local("") })?;
        let explained = explain(manifest, name)?;
        // By name: a manifest of forty services has some thousands of settings in each stage.
        let mut said: BTreeMap<(&str, &str, &str), Vec<&Explained>> = BTreeMap::new();
        for one in &explained {
            said.entry((&one.owner, &one.container, &one.name)).or_default().push(one);
        }
        let mut containers = Vec::new();
        for task in &desired.task_definitions {
            let (owner, table) = match &task.owner {
                Owner::Service(owner) => (owner, "services"),
                Owner::Schedule(owner) => (owner, "schedules"),
            };
            let Ok(read) = TaskDefinition::read(&task.document) else { continue };
            let secret = desired.secret.as_ref().map(|secret| secret.name.as_str());
            for container in &read.container_definitions {
                let is_own = manifest.images.contains(&container.image);
                let mut gets = BTreeMap::new();
                for (name, what) in given(container, secret) {
                    let by_name = said.get(&(owner.as_str(), container.name.as_str(), name.as_str()));
                    let agreeing = by_name.into_iter().flatten().find(|one| agrees(&one.setting, &what));
                    let (path, over) = match agreeing {
                        Some(said) => (said.from.0.clone(), said.over.iter().map(|place| place.0.clone()).collect()),
                        // No explanation covers what a raw table says.
                        None if table == "services" => {
                            (format!("services.{owner}.containers.{}.aws", container.name), vec![])
                        }
                        None => (format!("schedules.{owner}.aws"), vec![]),
                    };
                    gets.insert(name, Gets { what, path, over });
                }
                let name = container.name.clone();
                let image = repository(&container.image).to_owned();
                containers.push(ContainerScene { owner: owner.clone(), name, image, is_own, gets });
            }
        }
        Ok(Self { name: name.to_owned(), asked, desired, containers })
    }

    /// Returns the container of this name.
    pub(super) fn container(&self, owner: &str, name: &str) -> Option<&ContainerScene> {
        self.containers.iter().find(|container| container.owner == owner && container.name == name)
    }

    /// Returns the keys that must have a value: those declared, and those that a document names.
    pub(super) fn keys(&self) -> BTreeSet<&str> {
        let declared = self.desired.secret.iter().flat_map(|secret| &secret.keys).map(|key| key.key.as_str());
        let named =
            self.containers.iter().flat_map(|container| container.gets.values()).filter_map(|gets| match &gets.what {
                Given::Key(key) => Some(key.as_str()),
                _ => None,
            });
        declared.chain(named).collect()
    }

    /// Returns whether a deploy writes the stage's secret itself.
    pub(super) fn keeps_secret(&self) -> bool {
        self.name == LOCAL || self.desired.secrets_file.is_some()
    }
}

impl ContainerScene {
    /// Returns the name that people know it by.
    pub(super) fn shown(&self) -> String {
        shown(&self.owner, &self.name)
    }
}

/// Whether a raw table has left in place what the manifest's own words make.
fn agrees(setting: &Setting, what: &Given) -> bool {
    match (setting, what) {
        (Setting::Plain(said), Given::Plain(value)) => said == value,
        (Setting::Key(said), Given::Key(key)) => said == key,
        (Setting::From(said), Given::From(arn)) => said == arn,
        // An ARN may well be that of the stage's own secret.
        (Setting::From(_), Given::Key(_)) => true,
        (Setting::Part { part, .. }, Given::From(from)) => from.ends_with(&format!(":{part}::")),
        _ => false,
    }
}

/// Returns the name that people know a container by.
pub(super) fn shown(owner: &str, container: &str) -> String {
    if owner == container { owner.to_owned() } else { format!("{owner}/{container}") }
}

/// Returns what a container definition gives, by name.
pub(super) fn given(
    container: &aws_model::task_definition::ContainerDefinition,
    secret: Option<&str>,
) -> BTreeMap<String, Given> {
    let plain = container.environment.iter().map(|v| (v.name.clone(), Given::Plain(v.value.clone())));
    let hidden = container.secrets.iter().map(|s| {
        let given = match Source::read(&s.value_from) {
            Some((Source::Secret { arn, .. }, Some(key))) if secret.is_some_and(|name| is_secret(&arn, name)) => {
                Given::Key(key)
            }
            _ => Given::From(s.value_from.clone()),
        };
        (s.name.clone(), given)
    });
    plain.chain(hidden).collect()
}

/// Returns the containers of a task definition.
pub(super) fn containers_of(document: &Document) -> Vec<aws_model::task_definition::ContainerDefinition> {
    TaskDefinition::read(document).map(|task| task.container_definitions).unwrap_or_default()
}

/// Returns an image reference without tag and digest.
pub(super) fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        // A colon before a slash is that of a port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

/// Returns names as people list them.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}
