//! From a `docker-compose.yml` (the compose specification, compose-spec/compose-spec on GitHub).
//!
//! All services become containers of one service, `app`: one task, whose containers share 127.0.0.1 and cannot look
//! each other up by name. Names of siblings in values are replaced, and each replacement is reported. Values that look
//! like credentials are never in the manifest: they are handed back apart.

mod account;
mod assemble;
mod build;
mod dotenv;
mod draft;
mod environment;
mod extends;
mod file_variables;
mod health;
mod hosts;
mod image;
mod ingress;
mod interpolate;
mod limits;
mod mounts;
mod ports;
mod reasons;
mod scalars;
mod shape;
mod share;
mod source;
mod tasks;
mod tell;
mod words;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use deploy_core::Manifest;

use self::source::Source;
use self::yaml::{Member, Node, Value, get};
use crate::{Folder, Left, ledger};

/// What a compose file says, as a manifest.
#[derive(Clone, PartialEq)]
pub struct Composed {
    /// The manifest. Its `app` is `app` if the file has no name.
    pub manifest: Manifest,
    /// Whether the file names the application.
    pub has_name: bool,
    /// What could not be carried, what was changed, and what the user must decide.
    pub left: Vec<Left>,
    /// What became of every key of the file.
    pub account: Vec<ledger::Entry>,
    /// Values of the manifest's secrets by their keys, as far as the files tell: for the local stage's `secrets-file`,
    /// and for nothing else.
    pub secrets: BTreeMap<String, String>,
    /// Files that the manifest names and that must be written beside it: their paths and texts.
    pub files: Vec<(String, String)>,
}

impl fmt::Debug for Composed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { manifest, has_name, left, account, secrets, files } = self;
        let names: Vec<&String> = secrets.keys().collect();
        f.debug_struct("Composed")
            .field("manifest", manifest)
            .field("has_name", has_name)
            .field("left", left)
            .field("account", account)
            .field("secrets", &names)
            .field("files", files)
            .finish()
    }
}

/// Why a compose file could not be read. It never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The file is not in the folder.
    #[error("there is no `{file}`")]
    Missing {
        /// The file.
        file: String,
    },
    /// The file is not YAML, or not a mapping.
    #[error("{}: {why}", at(file, *line))]
    Yaml {
        /// The file.
        file: String,
        /// Line from 1, where it is known.
        line: Option<usize>,
        /// What the parser says.
        why: String,
    },
    /// A text with `$` cannot be read.
    #[error("{file}:{line}: {why} in `{key}`; write `$$` for a dollar sign")]
    Interpolation {
        /// The file.
        file: String,
        /// Line from 1.
        line: usize,
        /// Key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// Services extend each other in a circle.
    #[error("{file}:{line}: service `{service}` extends itself")]
    ExtendsItself {
        /// The file.
        file: String,
        /// Line from 1.
        line: usize,
        /// The service that closes the circle.
        service: String,
    },
    /// Nothing in the file can be carried.
    #[error("`{file}` has no service that can be carried{}", first(left))]
    NoServices {
        /// The file.
        file: String,
        /// Why not.
        left: Vec<Left>,
    },
}

fn at(file: &str, line: Option<usize>) -> String {
    line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}

fn first(left: &[Left]) -> String {
    let told = left.iter().find(|left| left.what.starts_with("services."));
    told.map(|left| format!("; {} ({}): {}", left.what, left.place, left.why)).unwrap_or_default()
}

/// Returns the manifest of a compose file; `file` is its path in the folder.
///
/// The folder needs the file itself, `.env` beside it, and what [`wanted`] names.
///
/// # Errors
/// The file is not there, cannot be read, or has nothing to carry.
pub fn read(folder: &Folder, file: &str) -> Result<Composed, ComposeError> {
    read_source(Source::new(folder, file))
}

/// As [`read`], with those paths of [`mounted`] that exist: a bind mount of what exists nowhere is listed.
///
/// # Errors
/// As [`read`].
pub fn read_among(folder: &Folder, file: &str, there: &BTreeSet<String>) -> Result<Composed, ComposeError> {
    let mut source = Source::new(folder, file);
    source.there = Some(there);
    read_source(source)
}

/// Returns the paths that a compose file binds into containers, files and directories.
///
/// # Errors
/// As [`read`].
pub fn mounted(folder: &Folder, file: &str) -> Result<BTreeSet<String>, ComposeError> {
    Ok(looked_through(folder, file)?.bound)
}

fn read_source(mut source: Source<'_>) -> Result<Composed, ComposeError> {
    let file = source.file;
    let mut root = root(&mut source)?;
    let mut drafts = Vec::new();
    let services = get(&root, "services").map(Node::entries).unwrap_or_default();
    for mut service in extends::resolve(&mut source, services)? {
        let subject = format!("services.{}", service.key);
        match &mut service.node.value {
            Value::Map(entries) if !entries.is_empty() => source.open(&subject, entries, &[]),
            _ => source.open_alone(&subject, &mut service.node, service.line),
        }
        drafts.extend(draft::draft(&mut source, &service));
    }
    open_rest(&mut source, &mut root);
    top_level(&mut source, &root);
    if drafts.is_empty() {
        return Err(ComposeError::NoServices { file: file.to_owned(), left: source.left });
    }
    let name = get(&root, "name").filter(|node| !node.is_secret()).and_then(Node::text);
    let known = source.known.get("COMPOSE_PROJECT_NAME").filter(|known| !known.is_secret);
    let name = name.or_else(|| Some(known?.value.clone()));
    Ok(assemble::assemble(source, drafts, name))
}

/// Returns the paths of files that a compose file names and that are not in the folder: variables, extended services,
/// values of secrets, configuration that is bound into containers. They may name others: ask until there are none.
///
/// # Errors
/// As [`read`].
pub fn wanted(folder: &Folder, file: &str) -> Result<Vec<String>, ComposeError> {
    let mut asked = looked_through(folder, file)?.asked;
    asked.retain(|path| !folder.contains_key(path));
    Ok(asked)
}

/// Reads the services for what they name alone.
fn looked_through<'a>(folder: &'a Folder, file: &'a str) -> Result<Source<'a>, ComposeError> {
    let mut source = Source::new(folder, file);
    let root = root(&mut source)?;
    let services = get(&root, "services").map(Node::entries).unwrap_or_default();
    for service in extends::resolve(&mut source, services)? {
        draft::draft(&mut source, &service);
    }
    Ok(source)
}

fn root(source: &mut Source<'_>) -> Result<Vec<Member>, ComposeError> {
    let file = source.file;
    let text = source.folder.get(file).ok_or_else(|| ComposeError::Missing { file: file.to_owned() })?;
    let mut root = yaml::parse(file, text)?;
    source.fill_all(&mut root, "")?;
    source.read_secrets(get(&root, "secrets"));
    Ok(root)
}

/// Opens the lines of what stands beside the services.
fn open_rest(source: &mut Source<'_>, root: &mut [Member]) {
    for entry in root.iter_mut().filter(|entry| entry.key != "services") {
        let is_of_names = matches!(entry.key.as_str(), "volumes" | "networks" | "secrets" | "configs" | "models");
        match &mut entry.node.value {
            Value::Map(entries) if is_of_names => {
                for item in entries {
                    let subject = format!("{}.{}", entry.key, item.key);
                    match &mut item.node.value {
                        Value::Map(options) if !options.is_empty() => source.open(&subject, options, &[item.line]),
                        _ => source.open_alone(&subject, &mut item.node, item.line),
                    }
                }
            }
            _ if entry.key.starts_with("x-") => {
                entry.node.value = Value::Null;
                source.open_alone(&entry.key, &mut entry.node, entry.line);
                source.is_default(
                    &entry.node,
                    "an `x-` key says nothing to Compose; what an alias takes of it is said there",
                );
            }
            _ => source.open_alone(&entry.key, &mut entry.node, entry.line),
        }
    }
}

/// Lists what stands beside the services.
fn top_level(source: &mut Source<'_>, root: &[Member]) {
    for entry in root {
        let named = |source: &mut Source<'_>, why: &str| {
            for item in entry.node.entries() {
                source.leave(format!("{}.{}", entry.key, item.key), item.line, why);
            }
        };
        match entry.key.as_str() {
            // `version` says nothing (04-version-and-name.md).
            "version" => source.is_default(&entry.node, "Compose itself does not read it"),
            "name" => source.claim(&entry.node, vec![account::Word::Manifest(vec!["app".to_owned()])], None),
            "services" => {}
            "secrets" => secrets(source, &entry.node),
            "volumes" => {
                for volume in entry.node.entries() {
                    let word = account::segments(&["services", "app", "volumes", &mounts::ecs_name(&volume.key)]);
                    let unused = ledger::Account::Default("no service that is carried mounts it".to_owned());
                    source.claim(&volume.node, vec![account::Word::Manifest(word)], Some(unused));
                    for option in volume.node.entries().iter().filter(|option| !option.key.starts_with("x-")) {
                        let what = format!("volumes.{}.{}", volume.key, option.key);
                        let why = "a volume is scratch space of the task; `[services.app.volumes.NAME] aws = { efsVolumeConfiguration = { ... } }` keeps data";
                        source.leave(what, option.line, why);
                    }
                }
            }
            "networks" => {
                named(source, "the containers of a task share one network; security groups say who may reach it")
            }
            "configs" => named(source, "ECS hands no files to a container: COPY the file in the Dockerfile"),
            "models" => named(source, "it is about something that Compose runs elsewhere"),
            "include" => source.leave(
                "include",
                entry.line,
                "other files are not read: `docker compose config` makes one of them",
            ),
            key if key.starts_with("x-") => {}
            key => source.leave(key, entry.line, "the compose specification has no such key"),
        }
    }
    for name in
        ["docker-compose.override.yml", "docker-compose.override.yaml", "compose.override.yml", "compose.override.yaml"]
    {
        let path = source.path(name).filter(|path| path != source.file && source.folder.contains_key(path));
        if let Some(path) = path {
            let place = crate::Place { source: path.clone(), line: None };
            source.leave_at(
                path,
                place,
                "Compose merges it on this machine; it was not read: `docker compose config` makes one file of both",
            );
        }
    }
}

/// A secret of the file is one of the manifest where a variable of an image names its file.
fn secrets(source: &mut Source<'_>, node: &Node) {
    for secret in node.entries() {
        let Some(words) = source.used.get(&secret.key).cloned() else {
            let why = "ECS hands secrets over as variables, not as files: declare it in [secrets], and read a variable";
            for entry in secret.node.entries() {
                if matches!(entry.key.as_str(), "file" | "environment" | "external" | "name") {
                    source.claim(&entry.node, Vec::new(), Some(ledger::Account::Listed(why.to_owned())));
                }
            }
            continue;
        };
        for entry in secret.node.entries() {
            if matches!(entry.key.as_str(), "file" | "environment") {
                source.claim(&entry.node, words.clone(), None);
            }
        }
    }
}

#[cfg(test)]
mod tests;
