//! What does a Terraform folder hold? Parses its files into modules and files of variables; decides nothing.

use std::collections::BTreeMap;

use hcl::edit::Span as _;
use hcl::edit::expr::Expression;
use hcl::edit::structure::{Block, Body, Structure};
use hcl::eval::{Context, Evaluate as _};

use super::TerraformError;
use super::value::Value;
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

/// A file of variables' values.
#[derive(Debug)]
pub(super) struct Vars {
    pub(super) path: String,
    pub(super) values: BTreeMap<String, Value>,
}

/// Everything that a folder holds.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) modules: BTreeMap<String, Module>,
    pub(super) vars: Vec<Vars>,
    /// Where each line of a file begins.
    lines: BTreeMap<String, Vec<usize>>,
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
    for (path, text) in folder {
        if hidden(path) {
            continue;
        }
        if path.ends_with(".tf") {
            let dir = parent(path).to_owned();
            let module = files.modules.entry(dir.clone()).or_insert_with(|| Module { dir, ..Module::default() });
            files.lines.insert(path.clone(), starts(text));
            absorb(module, path, text, body(path, text)?);
        } else if path.ends_with(".tfvars") {
            files.vars.push(Vars { path: path.clone(), values: literals(path, text)? });
        } else if path.ends_with(".tfvars.json") {
            let json = serde_json::from_str(text).map_err(|error| TerraformError::Syntax {
                place: Place { source: path.clone(), line: Some(error.line()) },
                why: "not JSON".to_owned(),
            })?;
            let Value::Map(values) = super::json::Marks::default().value(json) else { continue };
            files.vars.push(Vars { path: path.clone(), values });
        }
    }
    if files.modules.is_empty() {
        return Err(TerraformError::Empty);
    }
    Ok(files)
}

/// Returns the directory of a module's local source; nothing for one from a registry or a repository.
pub(super) fn local_source(dir: &str, item: &Item) -> Option<String> {
    let source = item.attribute("source")?.as_str()?;
    (source.starts_with("./") || source.starts_with("../")).then(|| join(dir, source))
}

/// Returns a path from the folder's root, seen from a directory.
pub(super) fn join(dir: &str, path: &str) -> String {
    let mut names: Vec<&str> = dir.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
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
    for structure in body {
        let Structure::Block(block) = structure else { continue };
        let line = block.span().map(|span| line_of(text, span.start));
        let item = Item { place: Place { source: path.to_owned(), line }, block };
        match item.block.ident.as_str() {
            "variable" => module.variables.push(item),
            "resource" => module.resources.push(item),
            "data" => module.data.push(item),
            "module" => module.modules.push(item),
            "output" => module.outputs.push(item),
            "provider" => module.providers.push(item),
            "locals" => {
                for attribute in item.block.body.attributes() {
                    let line = attribute.span().map(|span| line_of(text, span.start));
                    let place = Place { source: path.to_owned(), line };
                    module.locals.insert(attribute.key.as_str().to_owned(), (attribute.value.clone(), place));
                }
            }
            _ => {}
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The parser's own text quotes the line, and a line may hold a password: only its place and message are told.
fn body(path: &str, text: &str) -> Result<Body, TerraformError> {
    text.parse().map_err(|error: hcl::edit::parser::Error| TerraformError::Syntax {
        place: Place { source: path.to_owned(), line: Some(error.location().line()) },
        why: format!("column {}: {}", error.location().column(), error.message()),
    })
}

/// A file of variables holds literal values only, so that hcl-rs's own evaluation with no names is all it takes.
fn literals(path: &str, text: &str) -> Result<BTreeMap<String, Value>, TerraformError> {
    let mut values = BTreeMap::new();
    for attribute in body(path, text)?.attributes() {
        let name = attribute.key.as_str().to_owned();
        let value = hcl::Expression::from(attribute.value.clone()).evaluate(&Context::new()).map_err(|_| {
            let line = attribute.span().map(|span| line_of(text, span.start));
            TerraformError::Syntax {
                place: Place { source: path.to_owned(), line },
                why: format!("`{name}` is not a literal value"),
            }
        })?;
        values.insert(name, literal(value));
    }
    Ok(values)
}

fn literal(value: hcl::Value) -> Value {
    match value {
        hcl::Value::Null => Value::Null,
        hcl::Value::Bool(value) => Value::Bool(value),
        hcl::Value::Number(number) => number.as_f64().map_or(Value::Null, Value::number),
        hcl::Value::String(text) => text.into(),
        hcl::Value::Array(values) => Value::List(values.into_iter().map(literal).collect()),
        hcl::Value::Object(values) => {
            Value::Map(values.into_iter().map(|(key, value)| (key, literal(value))).collect())
        }
    }
}
