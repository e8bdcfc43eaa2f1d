//! What does a resource say, attribute by attribute? Every one that is written, so that an account of all of them
//! can be kept: those of nested blocks and of `dynamic` ones too, each with its path, its place and its value.
//!
//! What is not said is not here: an attribute that is null, and what steers Terraform's own evaluation
//! (`count`, `for_each`, `depends_on`, `provider`).

use hcl::edit::Span as _;
use hcl::edit::expr::Expression;
use hcl::edit::structure::{Block, Body};

use super::eval::{Frame, dynamic_name};
use super::schema::Shape;
use super::scope::{Instance, shape};
use super::value::Value;
use crate::Place;

/// An attribute of a resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf {
    /// Where in the resource it is: `name`, `health_check.path`, `tags.Name`, `load_balancer.1.container_port`.
    ///
    /// The first block of a name has no number, further ones count from 1 (see [`numbered`]). A list of scalars is
    /// one leaf; a list of maps is walked as blocks are.
    pub(super) path: String,
    /// File and line of the attribute; of its block where the syntax has no lines (JSON).
    pub(super) place: Place,
    /// What it is under the provider's types, or unknown; sensitive parts are marked and never shown. Of what stands
    /// in `lifecycle` and `provisioner` it is the expression's text.
    pub(super) value: Value,
}

/// Returns how a path names the block of a name with a number from 0.
pub(super) fn numbered(name: &str, number: usize) -> String {
    if number == 0 { name.to_owned() } else { format!("{name}.{number}") }
}

/// Arguments that Terraform itself consumes.
const STEERING: [&str; 4] = ["count", "for_each", "depends_on", "provider"];
/// Blocks about how Terraform goes about the resource; their names are no values.
const ABOUT: [&str; 3] = ["lifecycle", "provisioner", "connection"];

impl Instance<'_> {
    /// Returns every attribute that is written, in the order of the source.
    pub(super) fn leaves(&self) -> Vec<Leaf> {
        let mut walk = Walk { instance: self, leaves: Vec::new() };
        let body = &self.item.block.body;
        for attribute in body.attributes() {
            let name = attribute.key.as_str();
            if !STEERING.contains(&name) {
                walk.value(name, &self.place(attribute.span()), self.attribute(name));
            }
        }
        walk.blocks(body, "", &Frame::of(&self.key, &self.each), shape(self.item));
        let truth = self.scope.run.truth;
        for leaf in walk.leaves.iter_mut().filter(|leaf| leaf.value.any_unknown().is_some()) {
            // Documents are filled in part by part, elsewhere.
            if leaf.path != "container_definitions"
                && let Some(value) = truth.at(&self.address(), &leaf.path)
            {
                leaf.value = value;
            }
        }
        walk.leaves
    }

    fn place(&self, span: Option<std::ops::Range<usize>>) -> Place {
        let source = &self.item.place.source;
        let line = span.and_then(|span| self.scope.run.files.line(source, span.start));
        Place { source: source.clone(), line: line.or(self.item.place.line) }
    }
}

struct Walk<'w, 'a> {
    instance: &'w Instance<'a>,
    leaves: Vec<Leaf>,
}

impl Walk<'_, '_> {
    fn push(&mut self, path: &str, place: &Place, value: Value) {
        self.leaves.push(Leaf { path: path.to_owned(), place: place.clone(), value });
    }

    fn value(&mut self, path: &str, place: &Place, value: Value) {
        match value {
            Value::Null => {}
            Value::Map(values) if !values.is_empty() => {
                for (key, value) in values {
                    self.value(&format!("{path}.{key}"), place, value);
                }
            }
            Value::List(values) if values.iter().any(|value| matches!(value, Value::Map(_))) => {
                for (number, value) in values.into_iter().enumerate() {
                    self.value(&numbered(path, number), place, value);
                }
            }
            value => self.push(path, place, value),
        }
    }

    fn blocks(&mut self, body: &Body, above: &str, frame: &Frame<'_>, shape: Option<&Shape>) {
        let mut seen: Vec<(&str, usize)> = Vec::new();
        let mut next = |name| match seen.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                seen.push((name, 0));
                0
            }
        };
        let scope = &self.instance.scope;
        for block in body.blocks() {
            let Some(name) = dynamic_name(block) else {
                let name = block.ident.as_str();
                let path = format!("{above}{}", numbered(name, next(name)));
                if above.is_empty() && ABOUT.contains(&name) {
                    self.texts(block, &path);
                } else {
                    self.block(block, &block.body, &path, frame, shape.and_then(|shape| shape.block(name)));
                }
                continue;
            };
            let rounds = scope.rounds(block, frame);
            if let Err(unknown) = &rounds {
                let place = self.instance.place(block.span());
                self.push(&format!("{above}{}", numbered(name, next(name))), &place, Value::unknown(unknown.as_str()));
            }
            let Some(content) = block.body.get_blocks("content").next() else { continue };
            for names in rounds.unwrap_or_default() {
                let path = format!("{above}{}", numbered(name, next(name)));
                let shape = shape.and_then(|shape| shape.block(name));
                self.block(block, &content.body, &path, &frame.inside([names]), shape);
            }
        }
    }

    fn block(&mut self, block: &Block, body: &Body, path: &str, frame: &Frame<'_>, shape: Option<&Shape>) {
        let before = self.leaves.len();
        for attribute in body.attributes() {
            let place = self.instance.place(attribute.span());
            let name = attribute.key.as_str();
            let value = self.instance.scope.lenient(&attribute.value, frame);
            let value = match shape {
                Some(shape) => shape.conform(name, value),
                None => value,
            };
            self.value(&format!("{path}.{name}"), &place, value);
        }
        self.blocks(body, &format!("{path}."), frame, shape);
        // A block that says nothing is still there, such as `weighted_routing_policy {}`.
        if self.leaves.len() == before {
            let place = self.instance.place(block.span());
            self.push(path, &place, Value::Map(Default::default()));
        }
    }

    /// Names in these are attributes, and what they compute happens elsewhere: the source's text is all there is.
    fn texts(&mut self, block: &Block, path: &str) {
        let of = block.labels.first().map(|label| format!(".{}", label.as_str())).unwrap_or_default();
        for attribute in block.body.attributes() {
            let place = self.instance.place(attribute.span());
            let text = match &attribute.value {
                Expression::Array(values) => {
                    Value::List(values.iter().map(|value| value.to_string().trim().into()).collect())
                }
                other => other.to_string().trim().into(),
            };
            self.push(&format!("{path}{of}.{}", attribute.key.as_str()), &place, text);
        }
        for inner in block.body.blocks() {
            self.texts(inner, &format!("{path}{of}.{}", inner.ident.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::Folder;
    use crate::terraform::files::parse;
    use crate::terraform::scope::{Run, Scope};

    /// `LINE PATH = VALUE`, a line each, of every instance in the folder.
    fn check(text: &str, expected: &[&str]) {
        let folder = Folder::from([("main.tf".to_owned(), text.to_owned())]);
        let files = parse(&folder).unwrap();
        let scope = Scope::root(Rc::new(Run::plain(&folder, &files)), &files.modules[""], Default::default());
        let mut found = Vec::new();
        for item in &scope.module.resources {
            for (key, each) in scope.keys(item).unwrap() {
                let instance = Instance { scope: Rc::clone(&scope), item, key, each };
                found.extend(instance.leaves().into_iter().map(|leaf| {
                    let value = leaf.value.shown().unwrap_or_else(|| format!("{:?}", leaf.value));
                    format!("{} {} = {value}", leaf.place.line.unwrap(), leaf.path)
                }));
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn attributes_blocks_and_what_stands_in_them_have_a_path_and_a_line() {
        check(
            r#"
variable "codes" { default = ["200", "301"] }
variable "group" {}
resource "aws_x" "x" {
  count = 1
  name = "x"
  gone = null
  tags = {
    Name = "n"
  }
  ports = [80, 443]

  health_check {
    path = "/"
    nested { deep = true }
  }
  rule { host = "a" }
  rule {
    host = var.group
  }
  empty {}
  lifecycle {
    ignore_changes = [desired_count, tags["x"]]
  }
}
"#,
            &[
                "6 name = x",
                "8 tags.Name = n",
                "11 ports = List([Number(Number(80)), Number(Number(443))])",
                "14 health_check.path = /",
                "15 health_check.nested.deep = true",
                "17 rule.host = a",
                "19 rule.1.host = Text(Text([<unknown var.group>]))",
                "21 empty = Map({})",
                "23 lifecycle.ignore_changes = List([Text(Text([\"desired_count\"])), Text(Text([\"tags[\\\"x\\\"]\"]))])",
            ],
        );
    }

    #[test]
    fn dynamic_blocks_are_counted_with_the_written_ones() {
        check(
            r#"
variable "unknown" {}
resource "aws_x" "x" {
  rule { host = "a" }
  dynamic "rule" {
    for_each = ["b", "c"]
    iterator = one
    content {
      host = "${one.key}-${one.value}"
      dynamic "inner" {
        for_each = { k = one.value }
        content { key = "${inner.key}${inner.value}" }
      }
    }
  }
  dynamic "rule" {
    for_each = var.unknown
    content { host = "d" }
  }
  dynamic "none" {
    for_each = []
    content { host = "d" }
  }
}
"#,
            &[
                "4 rule.host = a",
                "9 rule.1.host = 0-b",
                "12 rule.1.inner.key = kb",
                "9 rule.2.host = 1-c",
                "12 rule.2.inner.key = kc",
                "16 rule.3 = Text(Text([<unknown var.unknown>]))",
            ],
        );
    }
}
