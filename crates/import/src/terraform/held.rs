//! Is every attribute of every resource what Terraform makes of it? Held against `fixtures/terraform/values`, which
//! Terraform 1.11 itself wrote (`values.py`), with a provider that has the real one's schema.

#![expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::json::Marks;
use super::resources::leaves_of;
use super::{GivenFile, Options, leaves::Leaf};
use crate::Folder;

/// What Terraform was given by name, for the folders where it was.
const GIVEN: [(&str, &str); 1] = [("ssm-secrets", "prod.tfvars")];
/// The root module, where it is not the folder itself.
const ROOTS: [(&str, &str); 1] = [("live-tree", "live/prod/app")];
/// What only AWS knows, in `fakeaws.py`.
const AWS: &str = "ONLY-AWS-KNOWS";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/terraform")
}

fn read(path: &Path, prefix: &str, folder: &mut Folder) {
    for entry in path.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read(&path, &format!("{name}/"), folder);
        } else {
            folder.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// A folder with the root module in its middle: what lies beside it has paths that begin with `..`.
fn seen_from(root: &str, folder: Folder) -> Folder {
    let names: Vec<&str> = root.split('/').filter(|name| !name.is_empty()).collect();
    let seen = |path: String| {
        let parts: Vec<&str> = path.split('/').collect();
        let same = names.iter().zip(&parts).take_while(|(name, part)| name == part).count();
        let up = vec![".."; names.len() - same];
        up.into_iter().chain(parts[same..].iter().copied()).collect::<Vec<_>>().join("/")
    };
    folder.into_iter().map(|(path, text)| (seen(path), text)).collect()
}

/// Returns every value in a JSON by its path, without the numbers of lists: sets have an order of their own.
fn flat(json: &Json, path: &str, found: &mut BTreeSet<(String, String)>) {
    match json {
        Json::Object(members) => members.iter().for_each(|(name, value)| flat(value, &format!("{path}.{name}"), found)),
        Json::Array(values) if values.iter().any(Json::is_object) => {
            values.iter().for_each(|value| flat(value, path, found));
        }
        Json::Null => {}
        other => drop(found.insert((path.trim_start_matches('.').to_owned(), plain(other)))),
    }
}

/// Numbers as numbers, documents as documents.
fn plain(value: &Json) -> String {
    match value {
        Json::Number(number) => format!("{:?}", number.as_f64().unwrap()),
        Json::Array(values) => format!("[{}]", values.iter().map(plain).collect::<Vec<_>>().join(",")),
        Json::String(text) if text.starts_with(['[', '{']) => {
            serde_json::from_str::<Json>(text).map_or_else(|_| text.clone(), |document| ordered(&document))
        }
        other => other.to_string(),
    }
}

fn ordered(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let sorted: BTreeMap<&String, String> = members.iter().map(|(key, value)| (key, ordered(value))).collect();
            format!("{sorted:?}")
        }
        Json::Array(values) => format!("{:?}", values.iter().map(ordered).collect::<Vec<_>>()),
        other => plain(other),
    }
}

fn unnumbered(path: &str) -> String {
    path.split('.').filter(|name| name.parse::<usize>().is_err()).collect::<Vec<_>>().join(".")
}

/// Returns where a resource differs from Terraform's.
fn differing(address: &str, leaves: &[Leaf], theirs: &Json) -> Vec<String> {
    let mut expected = BTreeSet::new();
    flat(theirs, "", &mut expected);
    let mut differing = Vec::new();
    let mut said = BTreeSet::new();
    for leaf in leaves {
        let path = unnumbered(&leaf.path);
        said.insert(path.clone());
        let about = ["lifecycle", "provisioner", "connection"].iter().any(|name| path.starts_with(name));
        if about || leaf.value.any_secret().is_some() {
            continue;
        }
        let value = Marks::default().document(&leaf.value);
        let at = || expected.iter().filter(|(known, _)| *known == path).map(|(_, value)| value.as_str());
        if leaf.value.any_unknown().is_some() {
            if !at().any(|value| value.contains(AWS)) {
                differing.push(format!("{address} {path} ({}): not known: {:?}", leaf.place, leaf.value));
            }
        } else if !at().any(|known| known == plain(&value))
            && value != Json::Array(vec![])
            && value != serde_json::json!({})
        {
            let known: Vec<&str> = at().collect();
            differing.push(format!("{address} {path} ({}): {} is {known:?}", leaf.place, plain(&value)));
        }
    }
    // What is written and was not walked; what the provider adds has no place in the files.
    let computed = ["arn", "id", "tags_all", "arn_without_revision", "registry_id", "repository_url", "region"];
    for (path, value) in &expected {
        let of_provider = computed.contains(&path.as_str()) || path.starts_with("tags_all.") || value.contains(AWS);
        let nothing = ["0.0", "false", "\"\"", "[]"].contains(&value.as_str());
        if !said.contains(path) && !of_provider && !nothing {
            differing.push(format!("{address} {path}: {value} was not walked"));
        }
    }
    differing
}

/// Each line of `console.txt`, which `terraform console` answered (`console.py`). What is not evaluated here is unknown,
/// and that is no answer that could be wrong.
#[test]
fn every_expression_is_what_the_console_says() {
    let text = std::fs::read_to_string(fixtures().join("console.json")).unwrap();
    let answers: BTreeMap<String, Json> = serde_json::from_str(&text).unwrap();
    let variables = "variable \"list\" { default = [\"c\", \"a\", \"b\"] }\nvariable \"map\" { default = { k = 1, \"odd key\" = 2 } }\n";
    let (mut differing, mut unknown) = (Vec::new(), Vec::new());
    for (line, expected) in &answers {
        let folder =
            Folder::from([("main.tf".to_owned(), format!("{variables}locals {{\n  it = jsonencode({line})\n}}\n"))]);
        let files = super::files::parse(&folder).unwrap();
        let module = &files.modules[""];
        assert!(module.fault.is_none(), "{line}: {:?}", module.fault);
        let run = super::scope::Run::plain(&folder, &files);
        run.strict.set(1);
        let scope = super::scope::Scope::root(std::rc::Rc::new(run), module, BTreeMap::new());
        let ours = match scope.local("it") {
            Ok(value) if value.any_unknown().is_some() => {
                unknown.push(line.as_str());
                continue;
            }
            Ok(value) => serde_json::from_str(&value.shown().unwrap()).unwrap(),
            Err(_) => Json::from("ERROR"),
        };
        if plain(&ours) != plain(expected) && ordered(&ours) != ordered(expected) {
            differing.push(format!("{line}\n    is {expected}\n    not {ours}"));
        }
    }
    assert!(differing.is_empty(), "{}\n{unknown:#?}", differing.join("\n"));
    assert!(answers.len() > 180 && unknown.len() < 20, "{} {unknown:#?}", answers.len());
}

#[test]
fn every_attribute_is_what_terraform_makes_of_it() {
    let (mut differing, mut attributes, mut folders) = (Vec::new(), 0, BTreeSet::new());
    for entry in fixtures().join("values").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().trim_end_matches(".json").to_owned();
        let (name, stage) = file.split_once('.').map_or((file.as_str(), None), |(name, stage)| (name, Some(stage)));
        folders.insert(name.to_owned());
        let mut folder = Folder::new();
        read(&fixtures().join(name), "", &mut folder);
        let root = ROOTS.iter().find(|(of, _)| *of == name).map_or("", |(_, root)| root);
        let folder = seen_from(root, folder);
        let given = GIVEN.iter().filter(|(of, _)| *of == name).map(|(_, path)| GivenFile {
            path: (*path).to_owned(),
            text: folder[*path].clone(),
            ..GivenFile::default()
        });
        let options = Options {
            account: Some("111122223333".to_owned()),
            region: Some("eu-west-1".to_owned()), // of fakeaws.py, whatever the folders say
            var_files: given.collect(),
            ..Options::default()
        };
        let stages = leaves_of(&folder, &options).unwrap();
        let ours: BTreeMap<&String, &Vec<Leaf>> = stages
            .iter()
            .filter(|(of, ..)| stage.is_none_or(|stage| stage == of))
            .map(|(_, address, leaves)| (address, leaves))
            .collect();
        let theirs: BTreeMap<String, Json> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (our_names, their_names): (BTreeSet<&String>, BTreeSet<&String>) =
            (ours.keys().copied().collect(), theirs.keys().collect());
        assert_eq!(our_names, their_names, "{file}");
        for (address, values) in &theirs {
            attributes += ours[address].len();
            let here = self::differing(address, ours[address], values);
            differing.extend(here.into_iter().map(|one| format!("{file}: {one}")));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(folders.len() >= 11 && attributes > 450, "{} {attributes}", folders.len());
}
