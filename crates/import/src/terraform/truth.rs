//! What did Terraform itself find out? A state, a plan, or what `terraform show -json` says of either.
//!
//! Where people have it, it is the truth: names that were made up, addresses that AWS chose, instances that only a plan
//! knows. What is a secret there is not read: neither what Terraform marks as sensitive, nor an attribute whose name
//! says what it is, nor anything of a resource that holds nothing else.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value as Json;

use super::files::{Item, Module};
use super::json::{self, Marks};
use super::scope::Key;
use super::sensitive::looks_sensitive;
use super::value::{Piece, Text, Value};
use super::{GivenFile, TerraformError, syntax};
use crate::Place;

/// Resources whose attributes are values of secrets.
const SECRETS: [&str; 12] = [
    "random_password",
    "random_bytes",
    "tls_private_key",
    "aws_secretsmanager_secret_version",
    "aws_secretsmanager_random_password",
    "aws_ssm_parameter",
    "aws_iam_access_key",
    "aws_kms_secrets",
    "aws_ecr_authorization_token",
    "aws_eks_cluster_auth",
    "vault_generic_secret",
    "aws_db_snapshot",
];
/// Attributes of those that only name it.
const NAMES: [&str; 9] = ["arn", "id", "name", "secret_id", "version", "version_id", "type", "tier", "description"];

/// What is known of resources and data sources, by their address.
#[derive(Debug, Default)]
pub(super) struct Truth {
    known: BTreeMap<String, Known>,
    /// Values of the root's variables, as a plan tells them; without those that look sensitive.
    pub(super) variables: BTreeMap<String, Value>,
    /// The resources as blocks, by their address: for those that no file in the folder describes.
    pub(super) items: Vec<(String, Key, Item)>,
    /// The files that all this was read from.
    files: Vec<String>,
    /// Which of them tells a variable.
    variable_files: BTreeMap<String, String>,
    /// The module that they are in: one that says nothing.
    pub(super) nowhere: Module,
    /// Attributes that a plan changes, by address: their names alone.
    changed: BTreeMap<String, BTreeSet<String>>,
}

/// A resource or data source.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Its address without the instance's key, such as `module.app.aws_lb.main`.
    base: String,
    /// Its type, such as `aws_lb`.
    kind: String,
    /// Its own name.
    name: String,
    is_data: bool,
    key: Option<Json>,
    values: BTreeMap<String, Value>,
    /// The file that it was read from.
    file: String,
}

impl Truth {
    /// Reads what was given for a stage. A state's text is never part of an error.
    pub(super) fn read(given: &[&GivenFile]) -> Result<Self, TerraformError> {
        let mut truth = Self::default();
        for file in given {
            let refused = |line, why: &str| TerraformError::Syntax {
                place: Place { source: file.path.clone(), line },
                why: why.to_owned(),
            };
            let json: Json = serde_json::from_str(&file.text).map_err(|error| {
                refused(
                    Some(error.line()),
                    "not JSON: give a state, or what `terraform show -json` prints of a state or a plan",
                )
            })?;
            truth.files.push(file.path.clone());
            if !truth.absorb(&json) {
                return Err(refused(
                    None,
                    "JSON, but neither a state (version 4) nor what `terraform show -json` prints",
                ));
            }
        }
        let item = |(address, known): (&str, &Known)| {
            let (key, item) = known.item(address)?;
            Some((address.to_owned(), key, item))
        };
        truth.items = truth.resources().filter_map(item).collect();
        Ok(truth)
    }

    /// Returns a value that Terraform found out.
    pub(super) fn attribute(&self, address: &str, name: &str) -> Option<&Value> {
        self.known.get(address)?.values.get(name)
    }

    /// Returns where the value of something stands that a folder alone does not tell: an attribute such as
    /// `aws_lb.main.arn` or `var.image`, whatever is said behind it.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let name = name.split(": ").next().unwrap_or(name);
        let file = self.variable_files.get(name.strip_prefix("var.").unwrap_or_default()).or_else(|| {
            let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
            let known = ends.filter_map(|end| self.known.get(&name[..end])).next_back();
            known.map(|known| &known.file)
        })?;
        Some(Place { source: format!("{file}:{name}"), line: None })
    }

    /// Returns the files that tell it all.
    pub(super) fn places(&self) -> Place {
        Place { source: self.files.join(", "), line: None }
    }

    /// Returns the addresses of the managed resources of these types.
    pub(super) fn of<'a>(&'a self, kinds: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.resources().filter(|(_, known)| kinds.contains(&known.kind.as_str())).map(|(address, _)| address)
    }

    /// Returns an address without the keys of instances: where its block is.
    pub(super) fn block(&self, address: &str) -> String {
        let base = self.known.get(address).map_or(address, |known| known.base.as_str());
        let mut block = String::new();
        let mut depth = 0_usize;
        for letter in base.chars() {
            match letter {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ if depth == 0 => block.push(letter),
                _ => {}
            }
        }
        block
    }

    /// Returns whether a plan of Terraform's changes an attribute of a resource.
    pub(super) fn is_changed(&self, address: &str, attribute: &str) -> bool {
        self.changed.get(address).is_some_and(|names| names.contains(attribute))
    }

    /// Returns the keys of the instances of a resource, or of a module that is called; none if none is known.
    pub(super) fn keys(&self, base: &str) -> Vec<Key> {
        let own = self.known.values().filter(|known| known.base == base).map(Known::key);
        let called = self.known.keys().filter_map(|address| {
            let rest = address.strip_prefix(base)?;
            if rest.starts_with('.') {
                return Some(Key::Only);
            }
            let (inside, _) = rest.strip_prefix('[')?.split_once(']')?;
            Some(match inside.parse() {
                Ok(at) => Key::Index(at),
                Err(_) => Key::Name(inside.trim_matches('"').to_owned()),
            })
        });
        let called = called.filter(|_| base.rsplit('.').nth(1) == Some("module"));
        own.chain(called).collect::<BTreeSet<Key>>().into_iter().collect()
    }

    /// Returns what stands at the path of a leaf (see `leaves`) of an instance.
    pub(super) fn at(&self, address: &str, path: &str) -> Option<Value> {
        let mut names = path.split('.').peekable();
        let mut at = self.attribute(address, names.next()?)?;
        while names.peek().is_some() {
            at = match at {
                Value::List(values) => {
                    let number = names.peek().and_then(|name| name.parse::<usize>().ok());
                    if number.is_some() {
                        names.next();
                    }
                    values.get(number.unwrap_or(0))?
                }
                Value::Map(values) => values.get(names.next()?)?,
                _ => return None,
            };
        }
        Some(at.clone())
    }

    /// Returns every managed resource.
    fn resources(&self) -> impl Iterator<Item = (&str, &Known)> {
        self.known.iter().filter(|(_, known)| !known.is_data).map(|(address, known)| (address.as_str(), known))
    }

    fn absorb(&mut self, json: &Json) -> bool {
        if json["version"] == 4 && json["resources"].is_array() {
            self.state(json);
            return true;
        }
        let mut found = false;
        // What is planned comes after what was there.
        for root in [
            &json["prior_state"]["values"]["root_module"],
            &json["values"]["root_module"],
            &json["planned_values"]["root_module"],
        ] {
            if root.is_object() {
                self.module(root, "");
                found = true;
            }
        }
        for one in json["resource_changes"].as_array().into_iter().flatten() {
            let (before, after) = (&one["change"]["before"], &one["change"]["after"]);
            let Some(address) = one["address"].as_str().filter(|_| before.is_object() && after.is_object()) else {
                continue;
            };
            let names = after.as_object().into_iter().flatten();
            let changed = names.filter(|(name, value)| before.get(*name) != Some(*value)).map(|(name, _)| name.clone());
            self.changed.entry(address.to_owned()).or_default().extend(changed);
        }
        if let Some(variables) = json["variables"].as_object() {
            for (name, variable) in variables {
                let declared = json["configuration"]["root_module"]["variables"][name]["sensitive"] == true;
                if !declared && !looks_sensitive(name) && variable.get("value").is_some() {
                    self.variables.insert(name.clone(), value(&variable["value"]));
                    self.variable_files.insert(name.clone(), self.files.last().cloned().unwrap_or_default());
                }
            }
        }
        found
    }

    /// A state as it is stored and as `terraform state pull` prints it.
    fn state(&mut self, json: &Json) {
        for resource in json["resources"].as_array().into_iter().flatten() {
            let text = |name: &str| resource[name].as_str().unwrap_or_default().to_owned();
            let prefix = match text("module") {
                module if module.is_empty() => module,
                module => format!("{module}."),
            };
            for instance in resource["instances"].as_array().into_iter().flatten() {
                // What is about to be deleted is not what is there.
                if instance.get("deposed").is_some() {
                    continue;
                }
                let hidden: Vec<Vec<String>> = instance["sensitive_attributes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|path| path.as_array().into_iter().flatten().map(step).collect())
                    .collect();
                let is_hidden = |path: &[String]| hidden.iter().any(|hidden| hidden == path);
                self.add(
                    &prefix,
                    &text("mode"),
                    &text("type"),
                    &text("name"),
                    instance.get("index_key"),
                    &instance["attributes"],
                    &is_hidden,
                );
            }
        }
    }

    /// What `terraform show -json` says of a module and of those in it.
    fn module(&mut self, module: &Json, prefix: &str) {
        for resource in module["resources"].as_array().into_iter().flatten() {
            let text = |name: &str| resource[name].as_str().unwrap_or_default();
            let hidden = &resource["sensitive_values"];
            let is_hidden = |path: &[String]| marked(hidden, path);
            self.add(
                prefix,
                text("mode"),
                text("type"),
                text("name"),
                resource.get("index"),
                &resource["values"],
                &is_hidden,
            );
        }
        for child in module["child_modules"].as_array().into_iter().flatten() {
            let prefix = format!("{}.", child["address"].as_str().unwrap_or_default());
            self.module(child, &prefix);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "two forms of one record meet here")]
    fn add(
        &mut self,
        prefix: &str,
        mode: &str,
        kind: &str,
        name: &str,
        key: Option<&Json>,
        attributes: &Json,
        is_hidden: &dyn Fn(&[String]) -> bool,
    ) {
        let is_data = mode == "data";
        let base = format!("{prefix}{}{kind}.{name}", if is_data { "data." } else { "" });
        let suffix = match key {
            Some(Json::String(key)) => format!("[\"{key}\"]"),
            Some(Json::Number(at)) => format!("[{at}]"),
            _ => String::new(),
        };
        let secret = SECRETS.contains(&kind);
        let mut values = BTreeMap::new();
        for (attribute, json) in attributes.as_object().into_iter().flatten() {
            let path = vec![attribute.clone()];
            if (secret && !NAMES.contains(&attribute.as_str())) || is_hidden(&path) || looks_sensitive(attribute) {
                continue;
            }
            // Null is an attribute that is not set, or one that is not known yet.
            if let Some(kept) = kept(json, path, is_hidden).filter(|kept| !kept.is_null()) {
                values.insert(attribute.clone(), value(&kept));
            }
        }
        let known = Known {
            base: base.clone(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            is_data,
            key: key.cloned(),
            values,
            file: self.files.last().cloned().unwrap_or_default(),
        };
        self.known.insert(format!("{base}{suffix}"), known);
    }
}

/// Returns a value without what is hidden in it: none if a list holds something hidden, for half a list is another.
fn kept(json: &Json, path: Vec<String>, is_hidden: &dyn Fn(&[String]) -> bool) -> Option<Json> {
    if is_hidden(&path) {
        return None;
    }
    let beneath = |step: String| path.iter().cloned().chain([step]).collect::<Vec<_>>();
    Some(match json {
        Json::Object(members) => {
            let shown = members.iter().filter(|(name, value)| !(looks_sensitive(name) && value.is_string()));
            let shown =
                shown.filter_map(|(name, value)| Some((name.clone(), kept(value, beneath(name.clone()), is_hidden)?)));
            Json::Object(shown.collect())
        }
        Json::Array(values) => {
            let each = values.iter().enumerate().map(|(at, value)| kept(value, beneath(at.to_string()), is_hidden));
            Json::Array(each.collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}

/// A step of a path in `sensitive_attributes`.
fn step(step: &Json) -> String {
    match &step["value"] {
        Json::String(name) => name.clone(),
        // `{"type": "index", "value": {"value": 0, "type": "number"}}`
        Json::Object(index) => {
            index.get("value").map_or_else(String::new, |at| at.to_string().trim_matches('"').to_owned())
        }
        other => other.to_string(),
    }
}

/// Returns whether `sensitive_values` has `true` at a path.
fn marked(hidden: &Json, path: &[String]) -> bool {
    let mut at = hidden;
    for name in path {
        if *at == true {
            return true;
        }
        at = match at {
            Json::Array(values) => {
                name.parse::<usize>().ok().and_then(|index| values.get(index)).unwrap_or(&Json::Null)
            }
            other => &other[name.as_str()],
        };
    }
    *at == true
}

impl Known {
    fn key(&self) -> Key {
        match &self.key {
            Some(Json::String(name)) => Key::Name(name.clone()),
            Some(Json::Number(at)) => at.as_u64().map_or(Key::Only, |at| Key::Index(at as usize)),
            _ => Key::Only,
        }
    }

    /// Returns the resource as the block that it could have been written as.
    fn item(&self, address: &str) -> Option<(Key, Item)> {
        let members = self.values.iter().map(|(name, value)| (name.clone(), Marks::default().document(value)));
        let block = syntax::resource(&self.kind, &self.name, &members.collect())?;
        let place = Place { source: format!("{}:{address}", self.file), line: None };
        Some((self.key(), Item { place, block }))
    }
}

/// Returns a document of containers with what is unknown in it as Terraform found it out. What is unknown because it
/// is a secret stays so, and what turns out to be an address with a password in it becomes one.
pub(super) fn filled(own: &Text, truth: &str, of: &str) -> Option<Text> {
    let found: Json = serde_json::from_str(truth).ok()?;
    let mine = match json::parse(own) {
        Ok((mine, marks)) if mine.is_array() => marks.value(mine),
        // Nothing of it is known: all of it is Terraform's.
        _ if own.0.iter().all(|piece| matches!(piece, Piece::Unknown(_))) => {
            let nothing = Value::unknown("nothing of it");
            return Some(json::encode(&fill(&nothing, &value(&found), of)));
        }
        _ => return None,
    };
    Some(json::encode(&fill(&mine, &value(&found), of)))
}

fn fill(own: &Value, found: &Value, of: &str) -> Value {
    match (own, found) {
        (Value::Map(own), Value::Map(found)) => {
            let named = own.get("name").and_then(Value::shown).is_some_and(|name| looks_sensitive(&name));
            let one = |(name, value): (&String, &Value)| {
                let secret = looks_sensitive(name) || (named && name == "value");
                let value = match found.get(name) {
                    Some(_) if secret && value.is_unknown().is_some() => hush(of),
                    Some(found) if !secret => fill(value, found, of),
                    _ => value.clone(),
                };
                (name.clone(), value)
            };
            Value::Map(own.iter().map(one).collect())
        }
        (Value::List(own), Value::List(found)) => {
            let name = |value: &Value| if let Value::Map(values) = value { values.get("name")?.shown() } else { None };
            let same = |at: usize, value: &Value| match name(value) {
                Some(wanted) => found.iter().find(|one| name(one).as_ref() == Some(&wanted)),
                None => found.get(at).filter(|_| own.len() == found.len()),
            };
            let one = |(at, value)| same(at, value).map_or_else(|| value.clone(), |found| fill(value, found, of));
            Value::List(own.iter().enumerate().map(one).collect())
        }
        (Value::Text(text), found) if text.unknowns().next().is_some() => {
            if text.unknowns().any(is_secret) || text.secrets().next().is_some() {
                return hush(of);
            }
            hushed(found.clone(), of)
        }
        _ => own.clone(),
    }
}

/// Returns a sensitive value that was never read.
fn hush(of: &str) -> Value {
    Value::Text(Text(vec![Piece::Secret { of: of.to_owned(), text: String::new() }]))
}

/// Marks what holds a password: of variables by their names, and addresses such as `postgres://user:word@host`.
fn hushed(value: Value, of: &str) -> Value {
    match value {
        Value::Map(values) => {
            let named = values.get("name").and_then(Value::shown).is_some_and(|name| looks_sensitive(&name));
            let one = |(name, value): (String, Value)| {
                let secret = (named && name == "value") || (looks_sensitive(&name) && matches!(value, Value::Text(_)));
                let value = if secret { hush(of) } else { hushed(value, of) };
                (name, value)
            };
            Value::Map(values.into_iter().map(one).collect())
        }
        Value::List(values) => Value::List(values.into_iter().map(|value| hushed(value, of)).collect()),
        Value::Text(text) if text.shown().is_some_and(|text| has_password(&text)) => hush(of),
        other => other,
    }
}

fn has_password(text: &str) -> bool {
    Regex::new(r"://[^/@\s:]*:[^/@\s]+@").is_ok_and(|address| address.is_match(text))
}

/// Returns whether an address leads to a secret, such as `random_password.db.result`.
fn is_secret(address: &str) -> bool {
    address.split(['.', '[', ' ']).any(|name| SECRETS.contains(&name) || looks_sensitive(name))
}

fn value(json: &Json) -> Value {
    Marks::default().value(json.clone())
}

/// Returns the regions and accounts that ARNs in a truth name.
fn arns(truth: &Truth) -> BTreeSet<(String, String)> {
    let arn = |known: &Known| {
        let arn = known.values.get("arn")?.shown()?;
        let mut parts = arn.split(':').skip(3).map(str::to_owned);
        let (region, account) = (parts.next()?, parts.next()?);
        (!region.is_empty() && !account.is_empty()).then_some((region, account))
    };
    truth.resources().filter_map(|(_, known)| arn(known)).collect()
}

impl Truth {
    /// Returns the account, if all that is known is in one.
    pub(super) fn account(&self) -> Option<String> {
        let accounts: BTreeSet<String> = arns(self).into_iter().map(|(_, account)| account).collect();
        accounts.iter().next().filter(|_| accounts.len() == 1).cloned()
    }

    /// Returns the region, if all that is known is in one.
    pub(super) fn region(&self) -> Option<String> {
        let regions: BTreeSet<String> = arns(self).into_iter().map(|(region, _)| region).collect();
        regions.iter().next().filter(|_| regions.len() == 1).cloned()
    }
}
