//! Which values do the variables of a root module get? Files of variables, and values that the user gives by name.
//!
//! A file of variables holds values and no names; it is evaluated as everything else is, and costs what everything
//! else costs.

use std::collections::BTreeMap;
use std::rc::Rc;

use hcl::edit::Span as _;
use hcl::edit::expr::Expression;

use super::files::{Files, Item, Module, Vars};
use super::scope::{Run, Scope};
use super::value::Value;
use super::{TerraformError, syntax};
use crate::{Folder, Left, Place};

/// Returns the values of a file of variables. One that is no literal is not known, and told: it does not take the others
/// with it.
pub(super) fn values(
    files: &Files,
    vars: &Vars,
    left: &mut Vec<Left>,
) -> Result<BTreeMap<String, Value>, TerraformError> {
    let (mut values, wrong) = literals(files, vars)?;
    for (name, place) in wrong {
        let why = "it is no literal value, and Terraform refuses the file for it: what depends on it is not known";
        values.insert(name.clone(), Value::unknown(format!("var.{name}")));
        left.push(Left::new(format!("variable {name}"), place, why));
    }
    Ok(values)
}

type Wrong = Vec<(String, Place)>;

/// Returns the literal values of a file, and what is none.
fn literals(files: &Files, vars: &Vars) -> Result<(BTreeMap<String, Value>, Wrong), TerraformError> {
    let body = syntax::body(&vars.path, &vars.text)?;
    let (folder, module) = (Folder::new(), Module::default());
    let scope = Scope::root(Rc::new(Run::plain(&folder, files)), &module, BTreeMap::new());
    scope.run.strict.set(1);
    let (mut values, mut wrong) = (BTreeMap::new(), Vec::new());
    for attribute in body.attributes() {
        let name = attribute.key.as_str().to_owned();
        let line = attribute.span().map(|span| vars.text[..span.start].matches('\n').count() + 1);
        let place = Place { source: vars.path.clone(), line };
        let value = scope.budget().at(&place, || scope.eval(&attribute.value, &Default::default()));
        scope.budget().fault()?;
        match value {
            Ok(value) if value.any_unknown().is_none() => drop(values.insert(name, value)),
            _ => wrong.push((name, place)),
        }
    }
    Ok((values, wrong))
}

/// Returns a value that is given as `NAME=TEXT`: a text where the variable takes a scalar, or else an expression.
pub(super) fn given(files: &Files, module: &Module, name: &str, text: &str) -> Result<Value, TerraformError> {
    let kind = Module::named(&module.variables, &[name]).and_then(|item| item.attribute("type"));
    let scalar = match kind {
        None => true,
        Some(Expression::Variable(kind)) => ["string", "number", "bool"].contains(&kind.as_str()),
        Some(Expression::String(kind)) => ["string", "number", "bool"].contains(&kind.value().as_str()),
        Some(_) => false,
    };
    if scalar {
        return Ok(text.into());
    }
    let vars = Vars { path: format!("--var {name}"), text: format!("{name} = {text}\n") };
    let (mut values, wrong) = literals(files, &vars)?;
    if let Some((name, place)) = wrong.into_iter().next() {
        return Err(TerraformError::Syntax { place, why: format!("`{name}` is not a literal value") });
    }
    Ok(values.remove(name).unwrap_or(Value::Null))
}

/// Asks for the variables of a root module that have no value.
pub(super) fn ask(module: &Module, values: &BTreeMap<String, Value>, stage: Option<&str>) -> Vec<Left> {
    let missing = |item: &&Item| item.attribute("default").is_none() && !values.contains_key(item.label(0));
    let one = |item: &Item| {
        let name = item.label(0);
        let of = stage.map(|stage| format!(" in stage {stage}")).unwrap_or_default();
        let why = format!(
            "nothing gives it a value: give the file that does with --var-file FILE, or --var {name}=VALUE; what depends on it is not known until then"
        );
        Left::new(format!("variable {name}{of}"), item.place.clone(), why)
    };
    module.variables.iter().filter(missing).map(one).collect()
}
