//! Functions that move values about and keep every piece of them as it is.

use std::collections::BTreeMap;

use super::super::convert::{scalar, set, unified};
use super::super::eval::Fault;
use super::super::value::{Text, Value};
use super::{decode, json, wrong};

/// Calls one of these functions, or gives the arguments back.
pub(super) fn call(name: &str, mut args: Vec<Value>) -> Result<Result<Value, Fault>, Vec<Value>> {
    use Value::{List, Map};
    let unknown = |args: &[Value]| args.iter().find_map(|value| value.is_unknown().map(Value::unknown));
    let result = match (name, args.as_slice()) {
        ("jsonencode", [value]) => Value::Text(json::encode(value)),
        ("jsondecode", [value]) => return Ok(decode(value)),
        ("tostring", [value]) => match value.as_text() {
            Some(text) => Value::Text(text),
            None if *value == Value::Null => Value::Null,
            None => return Ok(Err(wrong(name))),
        },
        ("tonumber", [value]) => match scalar(value.clone(), "number") {
            Value::Text(text) if text.shown().is_some() => return Ok(Err(wrong(name))),
            value => value,
        },
        ("tobool", [value]) => match scalar(value.clone(), "bool") {
            Value::Text(text) if text.shown().is_some() => return Ok(Err(wrong(name))),
            value => value,
        },
        ("issensitive", [value]) => Value::Bool(value.any_secret().is_some()),
        ("sensitive", [value]) => value.clone().hidden("sensitive()"),
        // The author promises that it may be shown; hiding it costs nothing here, so the mark stays.
        ("nonsensitive" | "ephemeralasnull", [value]) => value.clone(),
        ("tolist", [List(values)]) => List(unified(values.clone())),
        ("tomap", [Map(values)]) => {
            let (keys, values): (Vec<String>, Vec<Value>) = values.clone().into_iter().unzip();
            Map(keys.into_iter().zip(unified(values)).collect())
        }
        ("tolist" | "tomap", [value]) => value.clone(),
        ("coalesce", _) => {
            let empty = |value: &&Value| **value != Value::Null && value.shown().as_deref() != Some("");
            let args = unified(args.clone());
            match args.iter().find(empty) {
                Some(value) => value.clone(),
                None => return Ok(Err(Fault("coalesce() of nothing".to_owned()))),
            }
        }
        _ => {
            if let Some(unknown) = unknown(&args) {
                // These look at the collection itself, which is not known.
                return match name {
                    "merge" | "concat" | "lookup" | "element" | "flatten" | "keys" | "values" | "length" | "zipmap"
                    | "setintersection" | "setsubtract" | "alltrue" | "anytrue" | "matchkeys" | "transpose"
                    | "compact" | "distinct" | "toset" | "contains" | "coalescelist" | "reverse" | "slice" | "sort"
                    | "setunion" | "index" | "one" => Ok(Ok(unknown)),
                    _ => Err(args),
                };
            }
            match (name, args.as_slice()) {
                ("toset" | "setunion", [List(values)]) => set(unified(values.clone())),
                ("setunion", sets) => set(unified(lists(sets).unwrap_or_default())),
                ("setintersection", [List(first), rest @ ..]) => {
                    let in_all =
                        |value: &&Value| rest.iter().all(|one| matches!(one, List(values) if values.contains(value)));
                    set(first.iter().filter(in_all).cloned().collect())
                }
                ("setsubtract", [List(first), List(gone)]) => {
                    set(first.iter().filter(|value| !gone.contains(value)).cloned().collect())
                }
                ("alltrue", [List(values)]) => Value::Bool(values.iter().all(|one| one.as_bool() == Some(true))),
                ("anytrue", [List(values)]) => Value::Bool(values.iter().any(|one| one.as_bool() == Some(true))),
                ("matchkeys", [List(values), List(keys), List(wanted)]) => {
                    let is_wanted = |key: &Value| wanted.iter().any(|one| one.equals(key) == Ok(true));
                    List(
                        values.iter().zip(keys).filter(|(_, key)| is_wanted(key)).map(|(one, _)| one.clone()).collect(),
                    )
                }
                ("transpose", [Map(values)]) => {
                    let mut turned: BTreeMap<String, Vec<Value>> = BTreeMap::new();
                    for (key, list) in values {
                        let List(list) = list else { return Ok(Err(wrong(name))) };
                        for one in list.iter().filter_map(Value::shown) {
                            turned.entry(one).or_default().push(key.as_str().into());
                        }
                    }
                    Map(turned.into_iter().map(|(key, values)| (key, List(values))).collect())
                }
                ("concat", values) => match lists(values) {
                    Some(values) => List(values),
                    None => return Ok(Err(wrong(name))),
                },
                ("merge", values) => {
                    let mut merged = BTreeMap::new();
                    for value in values {
                        match value {
                            Map(more) => merged.extend(more.clone()),
                            Value::Null => {}
                            _ => return Ok(Err(wrong(name))),
                        }
                    }
                    Map(merged)
                }
                ("lookup", [Map(values), key, rest @ ..]) => {
                    let key = key.as_text().and_then(|key| key.known()).unwrap_or_default();
                    match (values.get(&key), rest.first()) {
                        (Some(value), _) | (None, Some(value)) => value.clone(),
                        (None, None) => return Ok(Err(Fault(format!("lookup(): there is no `{key}`")))),
                    }
                }
                ("element", [List(values), at]) if !values.is_empty() => {
                    let Some(at) = at.as_number().filter(|at| *at >= 0.0) else { return Ok(Err(wrong(name))) };
                    let at = at as usize;
                    values[at % values.len()].clone()
                }
                ("one", [List(values)]) if values.len() > 1 => return Ok(Err(wrong(name))),
                ("one", [List(values)]) => values.first().cloned().unwrap_or(Value::Null),
                ("flatten", [List(values)]) => List(flat(values)),
                ("keys", [Map(values)]) => List(values.keys().map(|key| key.as_str().into()).collect()),
                ("values", [Map(values)]) => List(values.values().cloned().collect()),
                ("length", [List(values)]) => Value::number(values.len() as f64),
                ("length", [Map(values)]) => Value::number(values.len() as f64),
                ("zipmap", [List(keys), List(values)]) if keys.len() != values.len() => return Ok(Err(wrong(name))),
                ("zipmap", [List(keys), List(values)]) => {
                    let keys = keys.iter().map(|key| key.as_text().and_then(|key| key.known()).unwrap_or_default());
                    Map(keys.zip(values.iter().cloned()).collect())
                }
                ("compact", [List(values)]) => {
                    let empty = |value: &&Value| **value != Value::Null && value.shown().as_deref() != Some("");
                    List(values.iter().filter(empty).cloned().collect())
                }
                ("distinct", [List(values)]) => {
                    let mut kept: Vec<Value> = Vec::new();
                    for value in unified(values.clone()) {
                        if !kept.contains(&value) {
                            kept.push(value);
                        }
                    }
                    List(kept)
                }
                ("contains", [List(values), wanted]) => {
                    match values.iter().find_map(|value| match value.equals(wanted) {
                        Ok(true) => Some(Value::Bool(true)),
                        Ok(false) => None,
                        Err(what) => Some(Value::unknown(what)),
                    }) {
                        Some(found) => found,
                        None => Value::Bool(false),
                    }
                }
                ("coalescelist", lists) => {
                    let full = lists.iter().find(|list| matches!(list, List(values) if !values.is_empty()));
                    full.cloned().unwrap_or(List(Vec::new()))
                }
                ("reverse", [List(values)]) => List(values.iter().rev().cloned().collect()),
                ("slice", [List(values), from, to]) => {
                    let (from, to) = (from.as_number().unwrap_or(0.0) as usize, to.as_number().unwrap_or(0.0) as usize);
                    match values.get(from..to) {
                        Some(values) => List(values.to_vec()),
                        None => return Ok(Err(wrong(name))),
                    }
                }
                ("sort", [List(values)]) => {
                    let mut values = values.clone();
                    values.sort_by_key(|value| value.as_text().and_then(|text| text.known()));
                    List(values)
                }
                ("index", [List(values), wanted]) => {
                    match values.iter().position(|value| value.equals(wanted) == Ok(true)) {
                        Some(at) => Value::number(at as f64),
                        None => return Ok(Err(Fault("index(): there is no such element".to_owned()))),
                    }
                }
                ("setproduct", sets) => {
                    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
                    for one in sets {
                        let List(values) = one else { return Ok(Err(wrong(name))) };
                        let with = |row: &Vec<Value>| -> Vec<Vec<Value>> {
                            values.iter().map(|value| [row.as_slice(), std::slice::from_ref(value)].concat()).collect()
                        };
                        rows = rows.iter().flat_map(with).collect();
                    }
                    List(rows.into_iter().map(List).collect())
                }
                ("chunklist", [List(values), size]) => {
                    let size = (size.as_number().unwrap_or(0.0) as usize).max(1);
                    List(values.chunks(size).map(|chunk| List(chunk.to_vec())).collect())
                }
                ("join", [separator, List(values)]) => match joined(separator, values) {
                    Some(text) => Value::Text(text),
                    None => return Ok(Err(wrong(name))),
                },
                _ => return Err(std::mem::take(&mut args)),
            }
        }
    };
    Ok(Ok(result))
}

fn lists(values: &[Value]) -> Option<Vec<Value>> {
    let mut all = Vec::new();
    for value in values {
        match value {
            Value::List(values) => all.extend(values.clone()),
            Value::Null => {}
            _ => return None,
        }
    }
    Some(all)
}

fn flat(values: &[Value]) -> Vec<Value> {
    values
        .iter()
        .flat_map(|value| match value {
            Value::List(values) => flat(values),
            other => vec![other.clone()],
        })
        .collect()
}

fn joined(separator: &Value, values: &[Value]) -> Option<Text> {
    let mut text = Text::plain("");
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.append(separator.as_text()?);
        }
        text.append(value.as_text()?);
    }
    Some(text)
}
