//! The lines of a task definition that is a document of AWS already: every member of it, claimed as what it is.
//!
//! For sources that read documents: files, and what runs. Members are named as the account asks for them: containers,
//! variables and secrets by their names, everything else of a list by its number.

use aws_model::Document;
use aws_model::register::COMPUTED;
use serde_json::Value;

use crate::Place;
use crate::ledger::{Account, Claim, Ledger};

/// Opens a line for each member of a task definition, and claims it as a member of `object` (such as
/// [`crate::ledger::service_task`]). The lines' subject is the definition's family, and its
/// revision if it has one: two of one family may be there at once.
pub fn task_definition(ledger: &mut Ledger, object: &str, document: &Document, place: &Place) {
    let family = document.get("family").and_then(Value::as_str).unwrap_or_default();
    let revision = document.get("revision").map(|revision| format!(":{revision}")).unwrap_or_default();
    let subject = format!("task definition {family}{revision}");
    for (member, value) in document {
        let mut paths: Vec<(String, bool)> = Vec::new();
        let mut tell = |at: &[String], is_beside| paths.push((at.join("."), is_beside));
        match value {
            Value::Array(containers) if member == "containerDefinitions" => {
                for (number, container) in containers.iter().enumerate() {
                    let name = container.get("name").and_then(Value::as_str);
                    let name = name.map_or_else(|| number.to_string(), str::to_owned);
                    let mut tell = |at: &[String], _: &Value, is_beside| {
                        tell(&[std::slice::from_ref(member), at].concat(), is_beside)
                    };
                    container_members(container, name, &|text| Some(text.to_owned()), &mut tell);
                }
            }
            value => {
                let mut tell = |at: &[String], _: &Value, is_beside| tell(at, is_beside);
                let mut walk = Walk { is_container: false, shown: &|text| Some(text.to_owned()), tell: &mut tell };
                walk.value(value, &mut vec![member.clone()]);
            }
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

/// Tells each member of a container by its path (the container's name first) and value, and whether it is one that a
/// variable or secret has beside its name and what it is. `shown` makes a name of what stands in the document for one.
pub(crate) fn container_members(
    container: &Value,
    name: String,
    shown: &dyn Fn(&str) -> Option<String>,
    tell: &mut dyn FnMut(&[String], &Value, bool),
) {
    Walk { is_container: true, shown, tell }.value(container, &mut vec![name]);
}

struct Walk<'a> {
    is_container: bool,
    shown: &'a dyn Fn(&str) -> Option<String>,
    tell: &'a mut dyn FnMut(&[String], &Value, bool),
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, path: &mut Vec<String>) {
        match value {
            Value::Null => {}
            Value::Object(members) if !members.is_empty() => {
                for (name, value) in members {
                    path.push((self.shown)(name).unwrap_or_else(|| "?".to_owned()));
                    self.value(value, path);
                    path.pop();
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let is_table = self.is_container && path.len() == 2 && TABLES.contains(&path[1].as_str());
                for (number, item) in items.iter().enumerate() {
                    let name = item.get("name").and_then(Value::as_str).filter(|_| is_table);
                    match name.and_then(self.shown) {
                        Some(name) => {
                            path.push(name);
                            (self.tell)(path, item, false);
                            let members = item.as_object().into_iter().flatten();
                            for (member, value) in members.filter(|(name, _)| !OF_ITEMS.contains(&name.as_str())) {
                                path.push(member.clone());
                                (self.tell)(path, value, true);
                                path.pop();
                            }
                            path.pop();
                        }
                        None => {
                            path.push(number.to_string());
                            self.value(item, path);
                            path.pop();
                        }
                    }
                }
            }
            value => (self.tell)(path, value, false),
        }
    }
}
