//! What does a function of Terraform's language return?
//!
//! Sensitivity and ignorance pass through: what is made of a secret is one, what is made of something unknown is
//! unknown. Functions that only move values about ([`collections`]) keep every piece as it is.

mod addresses;
mod collections;
mod format;
mod texts;

use hcl::edit::expr::FuncCall;

use super::budget;
use super::eval::{Fault, Frame, hide_like};
use super::files::join;
use super::json;
use super::scope::Scope;
use super::value::{Text, Value};

/// Calls a function.
pub(super) fn call(scope: &Scope<'_>, call: &FuncCall, frame: &Frame<'_>) -> Result<Value, Fault> {
    let name = call.name.name.as_str();
    if call.name.is_namespaced() {
        let spaces: Vec<&str> = call.name.namespace.iter().map(|space| space.as_str()).collect();
        if spaces != ["core"] {
            return Ok(Value::unknown(format!("{}::{name}(), which only its provider evaluates", spaces.join("::"))));
        }
    }
    if let "try" | "can" = name {
        return attempt(scope, call, frame);
    }
    let mut args = Vec::new();
    for argument in call.args.iter() {
        args.push(scope.eval(argument, frame)?);
    }
    if call.args.expand_final() {
        match args.pop() {
            Some(Value::List(values)) => args.extend(values),
            Some(other) if other.is_unknown().is_some() => return Ok(other),
            _ => return Err(Fault(format!("`...` behind no list in {name}()"))),
        }
    }
    match name {
        "file" => file(scope, &args),
        "templatefile" => template(scope, &args),
        "fileexists" => Ok(Value::Bool(scope.run.file(&path(scope, &args)?).is_some())),
        "fileset" => fileset(scope, &args),
        "templatestring" => match (args.first().and_then(Value::shown), args.get(1)) {
            (Some(text), Some(Value::Map(names))) => {
                Ok(Value::Text(rendered(scope, "templatestring()", &text, names.clone())?))
            }
            _ => Ok(Value::unknown(args.iter().find_map(Value::any_unknown).unwrap_or("templatestring()"))),
        },
        "abspath" | "pathexpand" => args.into_iter().next().ok_or_else(|| wrong(name)),
        _ => {
            scope.budget().fits(budget::product(name, &args))?;
            plain(name, args)
        }
    }
}

/// Returns the fault of a call with arguments that it does not take.
fn wrong(name: &str) -> Fault {
    Fault(format!("{name}() does not take these arguments"))
}

/// Inside, a fault is an answer and not an unknown value.
fn attempt(scope: &Scope<'_>, call: &FuncCall, frame: &Frame<'_>) -> Result<Value, Fault> {
    let strict = &scope.run.strict;
    strict.set(strict.get() + 1);
    let mut result = Err(wrong("try"));
    for argument in call.args.iter() {
        result = scope.eval(argument, frame);
        if result.is_ok() {
            break;
        }
    }
    strict.set(strict.get() - 1);
    if call.name.name.as_str() == "try" {
        return result;
    }
    Ok(match result {
        Ok(value) => value.is_unknown().map_or(Value::Bool(true), Value::unknown),
        Err(_) => Value::Bool(false),
    })
}

/// Functions of their arguments alone.
fn plain(name: &str, args: Vec<Value>) -> Result<Value, Fault> {
    let args = match collections::call(name, args) {
        Ok(result) => return result,
        Err(args) => args,
    };
    if let Some(unknown) = args.iter().find_map(Value::any_unknown) {
        return Ok(Value::unknown(unknown));
    }
    match texts::call(name, &args).or_else(|| addresses::call(name, &args)) {
        Some(Ok(value)) => Ok(hide_like(&args.iter().collect::<Vec<_>>(), value)),
        Some(Err(fault)) => Err(fault),
        // Not a fault: `try` must not take the function's absence here for an answer.
        None => Ok(Value::unknown(format!("{name}(), which is not evaluated here"))),
    }
}

fn path(scope: &Scope<'_>, args: &[Value]) -> Result<String, Fault> {
    let path =
        args.first().and_then(Value::shown).ok_or_else(|| Fault("the path of a file is not known".to_owned()))?;
    // Paths are from the root module's directory; `path.module` is from the folder's root already.
    let direct = join("", &path);
    let inside = join(scope.run.root(), &path);
    Ok(if scope.run.folder.contains_key(&inside) && !scope.run.folder.contains_key(&direct) { inside } else { direct })
}

fn file(scope: &Scope<'_>, args: &[Value]) -> Result<Value, Fault> {
    let path = path(scope, args)?;
    match scope.run.file(&path) {
        Some(text) => Ok(text.into()),
        None => Err(Fault(format!("there is no file {path} in the folder"))),
    }
}

/// Returns the paths below a directory that a pattern takes, as a set.
fn fileset(scope: &Scope<'_>, args: &[Value]) -> Result<Value, Fault> {
    let dir = path(scope, args)?;
    let pattern = args.get(1).and_then(Value::shown).ok_or_else(|| wrong("fileset"))?;
    let Some(pattern) = pattern_of_paths(&pattern) else { return Err(wrong("fileset")) };
    scope.run.files.wanted.borrow_mut().insert(dir.clone());
    let below = |path: &String| {
        let rest = if dir.is_empty() { path.as_str() } else { path.strip_prefix(&dir)?.strip_prefix('/')? };
        pattern.is_match(rest).then(|| Value::from(rest))
    };
    Ok(Value::List(scope.run.folder.keys().filter_map(below).collect()))
}

/// `*` is within a name, `**` over directories, `?` one character, `{a,b}` either.
fn pattern_of_paths(pattern: &str) -> Option<regex::Regex> {
    let mut made = "^".to_owned();
    let mut rest = pattern;
    let mut braces = 0;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**/") {
            made.push_str("(?:.*/)?");
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("**") {
            made.push_str(".*");
            rest = after;
            continue;
        }
        match c {
            '*' => made.push_str("[^/]*"),
            '?' => made.push_str("[^/]"),
            '{' => {
                braces += 1;
                made.push_str("(?:");
            }
            '}' if braces > 0 => {
                braces -= 1;
                made.push(')');
            }
            ',' if braces > 0 => made.push('|'),
            c => made.push_str(&regex::escape(&c.to_string())),
        }
        rest = &rest[c.len_utf8()..];
    }
    regex::Regex::new(&format!("{made}$")).ok()
}

fn template(scope: &Scope<'_>, args: &[Value]) -> Result<Value, Fault> {
    let path = path(scope, args)?;
    let text = scope.run.file(&path).ok_or_else(|| Fault(format!("there is no file {path} in the folder")))?;
    match args.get(1) {
        Some(Value::Map(names)) => Ok(Value::Text(rendered(scope, &path, text, names.clone())?)),
        Some(other) if other.is_unknown().is_some() => Ok(other.clone()),
        _ => Err(wrong("templatefile")),
    }
}

/// Returns a template's text with these names. The parser's error quotes the line, which may be known by heart.
fn rendered(
    scope: &Scope<'_>,
    path: &str,
    text: &str,
    names: std::collections::BTreeMap<String, Value>,
) -> Result<Text, Fault> {
    scope.budget().charge(text.len() as u64)?;
    let template: hcl::edit::template::Template = text.parse().map_err(|error: hcl::edit::parser::Error| {
        Fault(format!("{path}:{}: not a template: {}", error.location().line(), error.message()))
    })?;
    scope.render(&template, &Frame::only(names, path, text))
}

impl Scope<'_> {
    /// Returns what `data "template_file"` renders.
    pub(super) fn template_file(&self, item: &super::files::Item, frame: &Frame<'_>) -> Value {
        let address = format!("{}data.template_file.{}", self.prefix, item.label(1));
        let names = match self.argument(item, frame, "vars") {
            Some(Value::Map(names)) => names,
            Some(other) if other.is_unknown().is_some() => return other,
            _ => item
                .block
                .body
                .get_blocks("vars")
                .next()
                .map(|block| {
                    let each = block.body.attributes();
                    each.map(|one| (one.key.as_str().to_owned(), self.lenient(&one.value, frame))).collect()
                })
                .unwrap_or_default(),
        };
        let source = match self.argument(item, frame, "template") {
            Some(Value::Text(text)) => text,
            _ => return Value::unknown(format!("{address}.rendered")),
        };
        let Some(text) = source.shown() else {
            return Value::unknown(source.unknowns().next().unwrap_or(&address));
        };
        // `template = "${file("x.tpl")}"` is the usual way; the text itself is taken, wherever it comes from.
        match rendered(self, &address, &text, names) {
            Ok(text) => Value::Text(text),
            Err(fault) => Value::unknown(fault.0),
        }
    }
}

/// Returns a JSON text as a value.
fn decode(value: &Value) -> Result<Value, Fault> {
    let Value::Text(text) = value else { return Err(wrong("jsondecode")) };
    if let [super::value::Piece::Unknown(what)] = text.0.as_slice() {
        return Ok(Value::unknown(what.as_str()));
    }
    let (document, marks) = json::parse(text).map_err(|why| Fault(format!("jsondecode(): {why}")))?;
    Ok(marks.value(document))
}
