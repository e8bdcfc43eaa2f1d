//! What does a dotted name stand for? `var.x`, `local.x`, `module.x.y`, resources and their instances, and what
//! follows behind them: `.name`, `[index]`, `[*]`.

use std::collections::BTreeMap;

use hcl::edit::Decorated;
use hcl::edit::expr::TraversalOperator;

use super::eval::{Fault, Frame};
use super::files::{Item, Module, local_source};
use super::scope::{Key, Scope};
use super::value::Value;
use crate::{Left, Place};

/// What follows a name, in the order of the source.
pub(super) type Operators<'e> = &'e [Decorated<TraversalOperator>];

impl<'a> Scope<'a> {
    /// Returns what a dotted name stands for.
    pub(super) fn name(&self, root: &str, operators: Operators<'_>, frame: &Frame<'_>) -> Result<Value, Fault> {
        if let Some(value) = frame.get(root) {
            return self.follow(value.clone(), operators, frame);
        }
        if let Some((path, text)) = frame.template() {
            return Err(self.not_given(root, path, text));
        }
        let attribute = |index: usize| match operators.get(index).map(|operator| operator.value()) {
            Some(TraversalOperator::GetAttr(name)) => Some(name.as_str()),
            _ => None,
        };
        let Some(first) = attribute(0) else { return Err(Fault(format!("`{root}` is not a name here"))) };
        let rest = &operators[1..];
        match root {
            "var" => self.follow(self.variable(first)?, rest, frame),
            "local" => self.follow(self.local(first)?, rest, frame),
            "path" => {
                let dir = if first == "module" { self.module.dir.as_str() } else { "" };
                Ok(if dir.is_empty() { "." } else { dir }.into())
            }
            "terraform" => Ok(self.run.workspace.as_str().into()),
            "module" => self.output_of(first, rest, frame),
            "data" => match (attribute(1), operators.get(2..)) {
                (Some(name), Some(rest)) => self.resource(&self.module.data, "data.", [first, name], rest, frame),
                _ => Err(Fault(format!("`data.{first}` is not a name"))),
            },
            kind => self.resource(&self.module.resources, "", [kind, first], rest, frame),
        }
    }

    /// A template asks for a name that it was not given: Terraform refuses that, and so do we.
    fn not_given(&self, name: &str, path: &str, text: &str) -> Fault {
        let is_word = |at: usize| {
            let end = at + name.len();
            let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            !text[..at].ends_with(part) && !text[end..].starts_with(part)
        };
        let opened = |at: usize| {
            let before = &text[..at];
            let open = before.rfind("${").max(before.rfind("%{"));
            open.is_some_and(|open| !before[open..].contains('}'))
        };
        let at = text.match_indices(name).map(|(at, _)| at).find(|at| is_word(*at) && opened(*at));
        let line = at.map(|at| text[..at].matches('\n').count() + 1);
        let place = Place { source: path.to_owned(), line };
        let asks = format!("{place} asks for `{name}`, which the template is not given");
        let left = Left::new(
            format!("`{name}` of {path}"),
            place,
            "the template asks for it and whoever renders it does not give it: Terraform refuses this folder; give it there, or correct its name",
        );
        let mut known = self.run.left.borrow_mut();
        if !known.contains(&left) {
            known.push(left);
        }
        Fault(asks)
    }

    fn output_of(&self, name: &str, operators: Operators<'_>, frame: &Frame<'_>) -> Result<Value, Fault> {
        let unknown = format!("{}module.{name}", self.prefix);
        let Some(item) = Module::named(&self.module.modules, &[name]) else {
            return self.follow(Value::unknown(unknown), operators, frame);
        };
        let called = local_source(&self.module.dir, item).and_then(|dir| self.run.files.modules.get(&dir));
        let outputs = called.map(|module| module.outputs.iter().map(|output| output.label(0).to_owned()).collect());
        let whole = outputs.unwrap_or_default();
        self.instances(item, whole, operators, frame, |key, each, output| match self.child(item, key, each) {
            Some(child) => child.output(output),
            None => Ok(Value::unknown(format!("{unknown}{}.{output}", key.suffix()))),
        })
    }

    fn resource(
        &self,
        items: &'a [Item],
        data: &str,
        labels: [&str; 2],
        operators: Operators<'_>,
        frame: &Frame<'_>,
    ) -> Result<Value, Fault> {
        let address = format!("{}{data}{}.{}", self.prefix, labels[0], labels[1]);
        let Some(item) = Module::named(items, &labels) else {
            return self.follow(Value::unknown(address), operators, frame);
        };
        self.instances(item, whole(item), operators, frame, |key, each, name| Ok(self.attribute(item, key, each, name)))
    }

    /// Follows the operators behind a block that may have instances: `[0]`, `["staging"]`, `[*]` or none.
    ///
    /// `whole` are the attributes that it is taken for where no attribute is asked for.
    fn instances(
        &self,
        item: &Item,
        whole: Vec<String>,
        operators: Operators<'_>,
        frame: &Frame<'_>,
        attribute: impl Fn(&Key, &Value, &str) -> Result<Value, Fault>,
    ) -> Result<Value, Fault> {
        let address = self.address(item, &Key::Only);
        let keys = match self.keys(item) {
            Ok(keys) => keys,
            // How many there are is not known; that there is one is the best guess, and it stays unknown.
            Err(_) => return self.follow(Value::unknown(address), operators, frame),
        };
        let (single, index) = match operators.first().map(|operator| operator.value()) {
            Some(TraversalOperator::Index(expression)) => (false, Some(self.eval(expression, frame)?)),
            Some(TraversalOperator::LegacyIndex(index)) => (false, Some(Value::number(*index.value() as f64))),
            Some(TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_)) | None => (false, None),
            Some(TraversalOperator::GetAttr(_)) => (true, None),
        };
        // `[*]` over the instances needs the attribute that is asked for, and no other.
        let wanted = operators.iter().find_map(|operator| match operator.value() {
            TraversalOperator::GetAttr(name) => Some(name.as_str().to_owned()),
            _ => None,
        });
        let one = |key: &Key, each: &Value| -> Result<Value, Fault> {
            let mut values = BTreeMap::new();
            let names: Vec<String> = match &wanted {
                Some(wanted) => vec![wanted.clone()],
                None => whole.clone(),
            };
            for name in names {
                values.insert(name.clone(), attribute(key, each, &name)?);
            }
            Ok(Value::Map(values))
        };
        if let Some(index) = index {
            let found = keys.iter().find(|(key, _)| match key {
                Key::Only => false,
                Key::Index(at) => index.as_number() == Some(*at as f64),
                Key::Name(name) => index.as_text().and_then(|text| text.known()).as_deref() == Some(name),
            });
            return match (found, index.is_unknown()) {
                (Some((key, each)), _) => self.follow(one(key, each)?, &operators[1..], frame),
                (None, Some(unknown)) => Ok(Value::unknown(unknown)),
                (None, None) => Err(Fault(format!("{address} has no such instance"))),
            };
        }
        match keys.as_slice() {
            [(Key::Only, each)] => self.follow(one(&Key::Only, each)?, operators, frame),
            // Terraform 0.11 let a counted resource be named without an index.
            [(key, each), ..] if single => self.follow(one(key, each)?, operators, frame),
            [] if single => Err(Fault(format!("{address} has no instance"))),
            keys => {
                let named = keys.iter().all(|(key, _)| matches!(key, Key::Name(_))) && !keys.is_empty();
                let values: Vec<Value> = keys.iter().map(|(key, each)| one(key, each)).collect::<Result<_, _>>()?;
                let all = if named {
                    let names = keys
                        .iter()
                        .map(|(key, _)| if let Key::Name(name) = key { name.clone() } else { String::new() });
                    Value::Map(names.zip(values).collect())
                } else {
                    Value::List(values)
                };
                self.follow(all, operators, frame)
            }
        }
    }

    /// Follows `.name`, `[index]` and `[*]` behind a value.
    pub(super) fn follow(&self, mut value: Value, operators: Operators<'_>, frame: &Frame<'_>) -> Result<Value, Fault> {
        for (at, operator) in operators.iter().enumerate() {
            value = match operator.value() {
                TraversalOperator::GetAttr(name) => member(value, name.as_str())?,
                TraversalOperator::LegacyIndex(at) => item_at(value, *at.value() as f64)?,
                TraversalOperator::Index(expression) => {
                    let index = self.eval(expression, frame)?;
                    if let Some(unknown) = index.is_unknown() {
                        return Ok(Value::unknown(unknown));
                    }
                    match (&value, index.as_number()) {
                        (Value::List(_) | Value::Text(_), Some(at)) => item_at(value, at)?,
                        _ => member(value, &index.as_text().and_then(|text| text.known()).unwrap_or_default())?,
                    }
                }
                splat => return self.splat(value, splat, &operators[at + 1..], frame),
            };
        }
        Ok(value)
    }

    fn splat(
        &self,
        value: Value,
        splat: &TraversalOperator,
        rest: Operators<'_>,
        frame: &Frame<'_>,
    ) -> Result<Value, Fault> {
        let names = match splat {
            TraversalOperator::FullSplat(_) => rest.len(),
            _ => rest.iter().take_while(|next| matches!(next.value(), TraversalOperator::GetAttr(_))).count(),
        };
        let (each, after) = rest.split_at(names);
        let values = match value {
            Value::Null => Vec::new(),
            Value::List(values) => values,
            other if other.is_unknown().is_some() => return self.follow(other, each, frame),
            other => vec![other],
        };
        // `[*][*][*]` nests as the language's parentheses do.
        let one = |value| self.budget().spend(|| self.follow(value, each, frame));
        let values = values.into_iter().map(one).collect::<Result<_, _>>()?;
        self.budget().spend(|| self.follow(Value::List(values), after, frame))
    }
}

/// Returns the attributes that a whole block is taken for: those written, and the usual computed ones.
fn whole(item: &Item) -> Vec<String> {
    let written = item.block.body.attributes().map(|attribute| attribute.key.as_str());
    written
        .chain(["id", "arn", "name"])
        .filter(|name| !["count", "for_each"].contains(name))
        .map(str::to_owned)
        .collect()
}

/// Returns an address with more behind it; one that is longer than any real one stays.
fn longer(address: &str, more: &str) -> String {
    if address.len() > 512 { address.to_owned() } else { format!("{address}{more}") }
}

fn member(value: Value, name: &str) -> Result<Value, Fault> {
    match value {
        Value::Map(mut values) => {
            values.remove(name).ok_or_else(|| Fault(format!("there is no `{name}` in the map or object")))
        }
        other => match other.is_unknown() {
            Some(unknown) => Ok(Value::unknown(longer(unknown, &format!(".{name}")))),
            None => Err(Fault(format!("`{name}` of {}", other.kind()))),
        },
    }
}

fn item_at(value: Value, at: f64) -> Result<Value, Fault> {
    match value {
        Value::List(mut values) if at >= 0.0 && (at as usize) < values.len() => Ok(values.swap_remove(at as usize)),
        other => match other.is_unknown() {
            Some(unknown) => Ok(Value::unknown(longer(unknown, &format!("[{at}]")))),
            None => Err(Fault(format!("there is no element {at} in {}", other.kind()))),
        },
    }
}
