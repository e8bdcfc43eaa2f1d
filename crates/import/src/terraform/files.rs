//! What does a Terraform folder hold? Parses its files into modules and files of variables; decides nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use hcl::edit::Span as _;
use hcl::edit::expr::Expression;
use hcl::edit::structure::{Attribute, Block, Body, Structure};

use super::TerraformError;
use super::syntax;
use crate::{Folder, Place};

/// A block with labels, such as `resource "aws_lb" "main"`, and where it is.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) place: Place,
    pub(super) block: Block,
}

impl Item {
    /// Returns a label, or an empty text.
    pub(super) fn label(&self, index: usize) -> &str {
        self.block.labels.get(index).map_or("", |label| label.as_str())
    }

    /// Returns an attribute's expression.
    pub(super) fn attribute(&self, name: &str) -> Option<&Expression> {
        self.block.body.get_attribute(name).map(|attribute| &attribute.value)
    }
}

/// A directory of `.tf` files.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Directory from the folder's root; the root is empty.
    pub(super) dir: String,
    pub(super) variables: Vec<Item>,
    pub(super) locals: BTreeMap<String, (Expression, Place)>,
    pub(super) resources: Vec<Item>,
    pub(super) data: Vec<Item>,
    pub(super) modules: Vec<Item>,
    pub(super) outputs: Vec<Item>,
    pub(super) providers: Vec<Item>,
    /// `terraform` blocks.
    pub(super) settings: Vec<Item>,
    /// Why one of its files could not be read: Terraform would refuse all of it.
    pub(super) fault: Option<TerraformError>,
}

impl Module {
    /// Returns a block of a list by its last label.
    pub(super) fn named<'a>(items: &'a [Item], labels: &[&str]) -> Option<&'a Item> {
        items.iter().find(|item| labels.iter().enumerate().all(|(index, label)| item.label(index) == *label))
    }

    /// Returns directories of the modules that it calls.
    pub(super) fn calls(&self) -> impl Iterator<Item = String> {
        self.modules.iter().filter_map(|item| local_source(&self.dir, item))
    }
}

/// A file of variables' values, not read yet: most samples never are.
#[derive(Debug, Clone)]
pub(super) struct Vars {
    pub(super) path: String,
    pub(super) text: String,
}

/// Everything that a folder holds.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) modules: BTreeMap<String, Module>,
    pub(super) vars: Vec<Vars>,
    /// Where each line of a file begins.
    lines: BTreeMap<String, Vec<usize>>,
    /// Files and directories that the folder names and does not hold.
    pub(super) wanted: RefCell<BTreeSet<String>>,
    /// What evaluating them has cost so far.
    pub(super) budget: super::budget::Budget,
}

impl Files {
    /// Returns the line of an offset in a file, from 1.
    pub(super) fn line(&self, path: &str, offset: usize) -> Option<usize> {
        self.lines.get(path).map(|starts| starts.partition_point(|start| *start <= offset))
    }
}

/// Returns where each line of a text begins.
fn starts(text: &str) -> Vec<usize> {
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).collect()
}

/// Parses a folder's files.
pub(super) fn parse(folder: &Folder) -> Result<Files, TerraformError> {
    let mut files = Files::default();
    // Terraform reads files that override others last.
    let (last, first): (Vec<_>, Vec<_>) = folder.iter().partition(|(path, _)| overrides(path));
    for (path, text) in first.into_iter().chain(last) {
        if hidden(path) {
            continue;
        }
        if path.ends_with(".tf") || path.ends_with(".tf.json") {
            let dir = parent(path).to_owned();
            let module = files.modules.entry(dir.clone()).or_insert_with(|| Module { dir, ..Module::default() });
            match syntax::body(path, text) {
                Ok(body) => absorb(module, path, text, body),
                Err(fault) => drop(module.fault.get_or_insert(fault)),
            }
            if path.ends_with(".tf") {
                files.lines.insert(path.clone(), starts(text));
            }
        } else if path.ends_with(".tfvars") || path.ends_with(".tfvars.json") {
            files.vars.push(Vars { path: path.clone(), text: text.clone() });
        }
    }
    if files.modules.is_empty() {
        return Err(TerraformError::Empty);
    }
    let called = files.modules.values().flat_map(Module::calls).filter(|dir| !files.modules.contains_key(dir));
    let called: BTreeSet<String> = called.collect();
    files.wanted = RefCell::new(called);
    Ok(files)
}

fn overrides(path: &str) -> bool {
    let name = base(path);
    let name = name.strip_suffix(".tf").or(name.strip_suffix(".tf.json")).unwrap_or("");
    name == "override" || name.ends_with("_override")
}

/// Returns the directory of a module's local source; nothing for one from a registry or a repository.
pub(super) fn local_source(dir: &str, item: &Item) -> Option<String> {
    let source = item.attribute("source")?.as_str()?;
    (source.starts_with("./") || source.starts_with("../")).then(|| join(dir, source))
}

/// Returns a path from the folder's root, seen from a directory. What lies outside of the folder begins with `..`.
pub(super) fn join(dir: &str, path: &str) -> String {
    let mut names: Vec<&str> = dir.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_none_or(|last| *last == "..") => names.push(name),
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

/// Returns the directory of a path.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Returns a name without its directory.
pub(super) fn base(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// `.terraform` holds copies of other people's modules.
fn hidden(path: &str) -> bool {
    path.split('/').any(|name| name == ".terraform")
}

fn absorb(module: &mut Module, path: &str, text: &str, body: Body) {
    let json = if path.ends_with(".json") { syntax::lines(text) } else { BTreeMap::new() };
    let starts = starts(text);
    let line_of = |span: Option<std::ops::Range<usize>>, names: &[&str]| match span {
        Some(span) => Some(starts.partition_point(|start| *start <= span.start)),
        None => json.get(&names.join("/")).copied(),
    };
    for structure in body {
        let Structure::Block(block) = structure else { continue };
        let names: Vec<&str> =
            [block.ident.as_str()].into_iter().chain(block.labels.iter().map(|label| label.as_str())).collect();
        let line = line_of(block.span(), &names);
        let item = Item { place: Place { source: path.to_owned(), line }, block };
        let list = match item.block.ident.as_str() {
            "variable" => &mut module.variables,
            "resource" => &mut module.resources,
            "data" => &mut module.data,
            "module" => &mut module.modules,
            "output" => &mut module.outputs,
            "provider" => &mut module.providers,
            "terraform" => &mut module.settings,
            "locals" => {
                for attribute in item.block.body.attributes() {
                    let name = attribute.key.as_str();
                    let place = Place { source: path.to_owned(), line: line_of(attribute.span(), &["locals", name]) };
                    module.locals.insert(name.to_owned(), (attribute.value.clone(), place));
                }
                continue;
            }
            _ => continue,
        };
        let same = |known: &&mut Item| known.block.labels == item.block.labels;
        match list.iter_mut().find(same).filter(|_| overrides(path)) {
            Some(known) => replace(&mut known.block.body, item.block.body),
            None => list.push(item),
        }
    }
}

/// Merges what overrides a block into it: attributes one by one, nested blocks by their name, all of them.
fn replace(body: &mut Body, by: Body) {
    let mut replaced: Vec<String> = Vec::new();
    for structure in by {
        match structure {
            Structure::Attribute(attribute) => {
                drop(body.remove_attribute(attribute.key.as_str()));
                let _ = body.try_push(Attribute::new(attribute.key.clone(), attribute.value));
            }
            Structure::Block(block) => {
                let name = block.ident.as_str().to_owned();
                if !replaced.contains(&name) {
                    drop(body.remove_blocks(&name));
                    replaced.push(name);
                }
                body.push(block);
            }
        }
    }
}
