//! The lines of a task definition that is a document of AWS already: every member of it, claimed as what it is.
//!
//! For sources that read documents: files, and what runs. Members are named as the account asks for them: containers,
//! variables and secrets by their names, everything else of a list by its number.

use ecs_model::Document;
use ecs_model::register::COMPUTED;
use serde_json::Value;

use crate::Place;
use crate::ledger::{Account, Claim, Ledger};

/// Opens a line for each member of a task definition, and claims it as a member of `object` (such as
/// [`crate::ledger::service_task`]). The lines' subject is the definition's family.
pub fn task_definition(ledger: &mut Ledger, object: &str, document: &Document, place: &Place) {
    let family = document.get("family").and_then(Value::as_str).unwrap_or_default();
    let subject = format!("task definition {family}");
    for (member, value) in document {
        let mut paths = Vec::new();
        match value {
            Value::Array(containers) if member == "containerDefinitions" => {
                for (number, container) in containers.iter().enumerate() {
                    let name = container.get("name").and_then(Value::as_str);
                    let name = name.map_or_else(|| number.to_string(), str::to_owned);
                    walk(container, &mut vec![member.clone(), name], &mut paths);
                }
            }
            value => walk(value, &mut vec![member.clone()], &mut paths),
        }
        for (path, is_beside) in paths {
            ledger.open(&subject, &path, place.clone());
            let claim = if is_beside {
                let why = "a variable or secret is a name and what it is: this is not carried; say what it is for";
                Claim::Is(Account::Listed(why.to_owned()))
            } else if COMPUTED.contains(&member.as_str()) {
                Claim::Is(Account::State("ECS works it out: no request has it".to_owned()))
            } else {
                Claim::Became { object: object.to_owned(), member: path.clone() }
            };
            ledger.claim(&subject, &path, claim);
        }
    }
}

/// Lists of a container whose items are a name and what it is: what is said of one name is said of it alone.
pub(crate) const TABLES: [&str; 2] = ["environment", "secrets"];

/// Members that such an item has.
const OF_ITEMS: [&str; 3] = ["name", "value", "valueFrom"];

/// Walks a value; each path is told with whether it is of a member that a variable has beside its name and value.
fn walk(value: &Value, path: &mut Vec<String>, all: &mut Vec<(String, bool)>) {
    match value {
        Value::Null => {}
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                path.push(name.clone());
                walk(value, path, all);
                path.pop();
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let is_table = path.len() == 3 && path.last().is_some_and(|name| TABLES.contains(&name.as_str()));
            for (number, item) in items.iter().enumerate() {
                match item.get("name").and_then(Value::as_str).filter(|_| is_table) {
                    Some(name) => {
                        path.push(name.to_owned());
                        all.push((path.join("."), false));
                        let others = item.as_object().into_iter().flatten();
                        for (member, _) in others.filter(|(member, _)| !OF_ITEMS.contains(&member.as_str())) {
                            all.push((format!("{}.{member}", path.join(".")), true));
                        }
                        path.pop();
                    }
                    None => {
                        path.push(number.to_string());
                        walk(item, path, all);
                        path.pop();
                    }
                }
            }
        }
        _ => all.push((path.join("."), false)),
    }
}
