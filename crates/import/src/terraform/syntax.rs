//! How does a file of Terraform become blocks? Its own language, and the same written as JSON.
//!
//! JSON's strings are templates, and what is a nested block in it only the provider's schema tells (`schema`). Where
//! the parser gives up, file and line are named, and never the line itself: it may hold a password.

use hcl::edit::Ident;
use hcl::edit::expr::{Array, Expression, Object, ObjectKey, ObjectValue};
use hcl::edit::structure::{Attribute, Block, BlockLabel, Body};
use hcl::edit::template::{Element, StringTemplate, Template};
use serde_json::{Map, Value as Json};

use super::TerraformError;
use super::schema::{Shape, shape};
use crate::Place;

/// Parses a file.
pub(super) fn body(path: &str, text: &str) -> Result<Body, TerraformError> {
    if path.ends_with(".json") {
        let top: Json = serde_json::from_str(text).map_err(|error| TerraformError::Syntax {
            place: Place { source: path.to_owned(), line: Some(error.line()) },
            why: "not JSON".to_owned(),
        })?;
        return document(&top).ok_or_else(|| TerraformError::Syntax {
            place: Place { source: path.to_owned(), line: Some(1) },
            why: "JSON, but not as Terraform is written in JSON".to_owned(),
        });
    }
    // Editors of Windows put a mark before the first byte; Terraform reads over it.
    parsed(path, text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Keys of one object that stand twice: with more than that, it is no file that a person wrote.
const REPEATED: usize = 48;

/// Parses, and puts a key that stands a second time in an object into parentheses: Terraform takes both, and the last
/// one counts; the parser takes none.
fn parsed(path: &str, text: &str) -> Result<Body, TerraformError> {
    let mut text = std::borrow::Cow::Borrowed(text);
    for _ in 0..REPEATED {
        match text.parse::<Body>() {
            Ok(body) => return Ok(body),
            Err(error) => {
                let at = error.location().offset();
                match error.message().contains("redefined object key").then(|| wrapped(&text, at)).flatten() {
                    Some(wrapped) => text = wrapped.into(),
                    None => return Err(fault(path, &error)),
                }
            }
        }
    }
    text.parse().map_err(|error| fault(path, &error))
}

fn fault(path: &str, error: &hcl::edit::parser::Error) -> TerraformError {
    TerraformError::Syntax {
        place: Place { source: path.to_owned(), line: Some(error.location().line()) },
        why: format!("column {}: {}", error.location().column(), error.message()),
    }
}

/// Returns the text with the key at an offset in parentheses; lines stay what they are.
fn wrapped(text: &str, at: usize) -> Option<String> {
    let (before, rest) = text.split_at_checked(at)?;
    let end = match rest.chars().next()? {
        '"' => 2 + rest[1..].find('"').filter(|end| !rest[1..=*end].contains('\\'))?,
        '(' => 1 + rest.find(')').map(|end| end + rest[end..].chars().take_while(|c| *c == ')').count() - 1)?,
        _ => rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))?,
    };
    let (key, after) = rest.split_at_checked(end)?;
    let quoted = if key.starts_with(['"', '(']) { key.to_owned() } else { format!("\"{key}\"") };
    (!key.is_empty()).then(|| format!("{before}({quoted}){after}"))
}

/// Returns where the things stand that a JSON file describes: the line of each path, such as `resource/aws_lb/main`.
pub(super) fn lines(text: &str) -> std::collections::BTreeMap<String, usize> {
    let mut found = std::collections::BTreeMap::new();
    let (mut path, mut line, mut name) = (Vec::<String>::new(), 1, String::new());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            '"' => {
                name.clear();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => drop(chars.next()),
                        '\n' => line += 1,
                        c => name.push(c),
                    }
                }
            }
            ':' if path.len() < DEEPEST_NAMED => {
                let named = path.iter().map(String::as_str).chain([name.as_str()]);
                let named: Vec<&str> = named.filter(|name| !name.is_empty()).collect();
                found.entry(named.join("/")).or_insert(line);
            }
            '{' => path.push(std::mem::take(&mut name)),
            '[' => name.clear(),
            '}' => drop(path.pop()),
            _ => {}
        }
    }
    found
}

/// A file names things by three labels at most.
const DEEPEST_NAMED: usize = 4;

/// Returns the blocks of a whole file.
fn document(top: &Json) -> Option<Body> {
    let mut body = Body::new();
    for (kind, value) in objects(top)?.into_iter().flatten() {
        match kind.as_str() {
            "resource" | "data" => {
                for (resource, named) in members(value) {
                    for (name, inner) in members(named) {
                        for inner in each(inner) {
                            let shape = shape(resource).filter(|_| kind == "resource");
                            body.push(block(kind, &[resource, name], inner, shape)?);
                        }
                    }
                }
            }
            "variable" | "output" | "module" | "provider" => {
                for (name, inner) in members(value) {
                    for inner in each(inner) {
                        body.push(block(kind, &[name], inner, None)?);
                    }
                }
            }
            "locals" | "terraform" => {
                for inner in each(value) {
                    body.push(block(kind, &[], inner, None)?);
                }
            }
            // Names of a file of variables, and comments.
            _ => {
                if let (false, Ok(key)) = (kind == "//", Ident::try_new(kind)) {
                    body.try_push(Attribute::new(key, expression(value)?)).ok()?;
                }
            }
        }
    }
    Some(body)
}

/// Returns the objects that stand for one: itself, or those in a list.
fn objects(value: &Json) -> Option<Vec<&Map<String, Json>>> {
    match value {
        Json::Object(members) => Some(vec![members]),
        Json::Array(values) => values.iter().map(Json::as_object).collect(),
        _ => None,
    }
}

fn members(value: &Json) -> impl Iterator<Item = (&str, &Json)> {
    objects(value).unwrap_or_default().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn each(value: &Json) -> Vec<&Map<String, Json>> {
    objects(value).unwrap_or_default()
}

/// Returns a resource that a state holds as the block that it could have been written as. Its texts are no templates.
pub(super) fn resource(kind: &str, name: &str, values: &Map<String, Json>) -> Option<Block> {
    let values: Map<String, Json> = values.iter().map(|(name, value)| (name.clone(), literal(value))).collect();
    // A name that is no identifier, such as one with a dot in a map of tags, is a key and no attribute.
    let is_name = |(name, value): &(String, Json)| Ident::try_new(name.as_str()).is_ok() && !value.is_null();
    block("resource", &[kind, name], &values.into_iter().filter(is_name).collect(), shape(kind))
}

fn literal(value: &Json) -> Json {
    let escaped = |text: &str| text.replace("${", "$${").replace("%{", "%%{");
    match value {
        Json::String(text) => Json::String(escaped(text)),
        Json::Array(values) => values.iter().map(literal).collect(),
        Json::Object(values) => values.iter().map(|(name, value)| (escaped(name), literal(value))).collect(),
        other => other.clone(),
    }
}

fn block(kind: &str, labels: &[&str], members: &Map<String, Json>, shape: Option<&Shape>) -> Option<Block> {
    let mut made = Block::new(Ident::try_new(kind).ok()?);
    made.labels = labels.iter().map(|label| BlockLabel::from(*label)).collect();
    for (name, value) in members {
        if name == "//" {
            continue;
        }
        let nested = shape.and_then(|shape| shape.block(name));
        match name.as_str() {
            "dynamic" => {
                for (of, inner) in self::members(value) {
                    for inner in each(inner) {
                        let content = shape.and_then(|shape| shape.block(of));
                        made.body.push(dynamic(of, inner, content)?);
                    }
                }
            }
            "lifecycle" | "connection" | "provisioner" => {
                for inner in each(value) {
                    made.body.push(block(name, &[], inner, None)?);
                }
            }
            _ if nested.is_some() => {
                for inner in each(value) {
                    made.body.push(block(name, &[], inner, nested)?);
                }
            }
            // A type is an expression in a string, and so is what `ignore_changes` names.
            "type" if kind == "variable" => {
                made.body
                    .try_push(Attribute::new(Ident::try_new(name).ok()?, value.as_str()?.parse::<Expression>().ok()?))
                    .ok()?;
            }
            "ignore_changes" if kind == "lifecycle" => {
                let reference = |one: &Json| one.as_str()?.parse::<Expression>().ok();
                let value: Expression = match value {
                    Json::Array(values) => {
                        let values: Option<Vec<Expression>> = values.iter().map(reference).collect();
                        Expression::Array(values?.into_iter().collect::<Array>())
                    }
                    one => reference(one)?,
                };
                made.body.try_push(Attribute::new(Ident::try_new(name).ok()?, value)).ok()?;
            }
            _ => made.body.try_push(Attribute::new(Ident::try_new(name).ok()?, expression(value)?)).ok()?,
        }
    }
    Some(made)
}

fn dynamic(of: &str, members: &Map<String, Json>, shape: Option<&Shape>) -> Option<Block> {
    let mut made = Block::new(Ident::new("dynamic"));
    made.labels = vec![BlockLabel::from(of)];
    for (name, value) in members {
        match name.as_str() {
            "content" => {
                for inner in each(value) {
                    made.body.push(block(name, &[], inner, shape)?);
                }
            }
            "iterator" => {
                let value = value.as_str()?.parse::<Expression>().ok()?;
                made.body.try_push(Attribute::new(Ident::new("iterator"), value)).ok()?;
            }
            _ => made.body.try_push(Attribute::new(Ident::try_new(name).ok()?, expression(value)?)).ok()?,
        }
    }
    Some(made)
}

/// Returns a JSON value as an expression: strings and names of members are templates.
fn expression(value: &Json) -> Option<Expression> {
    Some(match value {
        Json::Null => Expression::null(),
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => number.to_string().parse().ok()?,
        Json::String(text) => template(text)?,
        Json::Array(values) => {
            let values: Option<Vec<Expression>> = values.iter().map(expression).collect();
            Expression::Array(values?.into_iter().collect())
        }
        Json::Object(members) => {
            let mut object = Object::new();
            for (name, value) in members {
                object.insert(ObjectKey::Expression(template(name)?), ObjectValue::new(expression(value)?));
            }
            Expression::Object(object)
        }
    })
}

fn template(text: &str) -> Option<Expression> {
    if !text.contains("${") && !text.contains("%{") {
        return Some(text.into());
    }
    let template: Template = text.parse().ok()?;
    let elements: Vec<Element> = template.iter().cloned().collect();
    Some(Expression::StringTemplate(elements.into_iter().collect::<StringTemplate>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_json_are_those_of_what_it_describes() {
        let text = "{\n  \"resource\": {\n    \"aws_lb\": {\n      \"a\": {\"name\": \"x:{\"},\n      \"b\": [\n {\"name\":\n 1}]\n    }\n  },\n  \"locals\": {\"x\": 1}\n}";
        let lines = lines(text);
        assert_eq!(lines["resource/aws_lb/a"], 4);
        assert_eq!(lines["resource/aws_lb/b"], 5);
        assert_eq!(lines["locals/x"], 10);
    }

    #[test]
    fn blocks_in_json_are_what_the_schema_says() {
        let text = r##"{"//": "note", "resource": {"aws_lb_target_group": {"web": {
            "name": "${var.app}-web", "health_check": {"path": "/"}, "tags": {"A": "$${b}"},
            "lifecycle": {"ignore_changes": ["name", "tags[\"x\"]"]}}}},
            "variable": {"app": {"type": "map(string)", "default": {"a": 1}}}}"##;
        let body = body("main.tf.json", text).unwrap();
        let written = body.to_string();
        for expected in [
            "resource \"aws_lb_target_group\" \"web\"",
            "health_check {",
            "\"${var.app}-web\"",
            "ignore_changes = [name, tags[\"x\"]]",
            "type = map(string)",
        ] {
            assert!(written.contains(expected), "{expected}\n{written}");
        }
        assert!(matches!(super::body("x.tf.json", "[1]"), Err(TerraformError::Syntax { .. })));
        assert!(
            matches!(super::body("x.tf.json", "{\n\"a\" 1"), Err(TerraformError::Syntax { place, .. }) if place.line == Some(2))
        );
    }
}
