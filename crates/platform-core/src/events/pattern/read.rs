//! Reads a pattern. The refusals are Event Ruler's (`JsonRuleCompiler.java`), which EventBridge answers as they are.

use aws_model::Document;
use serde_json::Value;

use super::Field;
use super::cidr::Cidr;
use super::test::{Bound, Test, Text};
use super::wildcard::Wildcard;

const OR: &str = "$or";
/// Names that are no fields within `$or` (Event Ruler, `Constants`).
const RESERVED: [&str; 11] = [
    "exactly",
    "prefix",
    "suffix",
    "equals-ignore-case",
    "anything-but",
    "numeric",
    "cidr",
    "exists",
    "wildcard",
    "$or",
    "anything-but-ignore-case",
];
/// Most branches that `$or`s of one pattern may make together (user guide, "Complex example with multiple matching":
/// more than a thousand combinations are refused).
const MOST: usize = 1000;
/// Numbers are compared within these (user guide, "Numeric matching").
const WIDEST: f64 = 5.0e9;

type Branches = Vec<Vec<Field>>;

pub(super) fn branches(value: &Value) -> Result<Branches, String> {
    let Value::Object(pattern) = value else { return Err("Filter is not an object".to_owned()) };
    object(pattern, &mut Vec::new(), false)
}

/// Returns the ways in which an object can match.
fn object(pattern: &Document, path: &mut Vec<String>, within_or: bool) -> Result<Branches, String> {
    if pattern.is_empty() {
        return Err("Empty objects are not allowed".to_owned());
    }
    let mut ways: Branches = vec![Vec::new()];
    for (name, value) in pattern {
        if name == OR
            && let Some(choices) = choices(value)
        {
            let mut any = Vec::new();
            for choice in choices {
                any.extend(object(choice, path, true)?);
            }
            ways = both(ways, &any)?;
            continue;
        }
        if within_or && RESERVED.contains(&name.as_str()) {
            return Err(format!("{name} is Ruler reserved fieldName which cannot be used inside {OR}."));
        }
        path.push(name.clone());
        let own = match value {
            Value::Object(inner) => object(inner, path, within_or)?,
            Value::Array(items) => vec![vec![Field { path: path.clone(), any: list(items)? }]],
            _ => return Err(format!("\"{name}\" must be an object or an array")),
        };
        path.pop();
        ways = both(ways, &own)?;
    }
    Ok(ways)
}

/// Returns what `$or` chooses among. Where it is no list of at least two objects, or one of them has a reserved name,
/// it is a field like others (Event Ruler's `README.md`, "The backward compatibility of using $or as field name").
fn choices(value: &Value) -> Option<Vec<&Document>> {
    let choices: Vec<&Document> = value.as_array()?.iter().map(Value::as_object).collect::<Option<_>>()?;
    let is_field = |choice: &&Document| choice.keys().any(|name| name != OR && RESERVED.contains(&name.as_str()));
    (choices.len() > 1 && !choices.iter().any(is_field)).then_some(choices)
}

fn both(ways: Branches, others: &Branches) -> Result<Branches, String> {
    if ways.len().saturating_mul(others.len()) > MOST {
        return Err(format!("Rule is too complex: {OR} makes more than {MOST} combinations"));
    }
    let joined = |way: &Vec<Field>| others.iter().map(|other| [way.as_slice(), other].concat()).collect::<Vec<_>>();
    Ok(ways.iter().flat_map(joined).collect())
}

fn list(items: &[Value]) -> Result<Vec<Test>, String> {
    if items.is_empty() {
        return Err("Empty arrays are not allowed".to_owned());
    }
    items.iter().map(item).collect()
}

fn item(item: &Value) -> Result<Test, String> {
    match item {
        Value::Object(expression) => test(expression),
        Value::Array(_) => Err("Match value must be String, number, true, false, or null".to_owned()),
        value => Ok(Test::Is(value.clone())),
    }
}

fn test(expression: &Document) -> Result<Test, String> {
    let (name, value) = only(expression, "Match expression name not found")?;
    let text = || value.as_str().ok_or_else(|| format!("{name} match pattern must be a string"));
    Ok(match name {
        "exactly" => Test::Is(text()?.into()),
        "prefix" => Test::Prefix(part(name, value)?),
        "suffix" => Test::Suffix(part(name, value)?),
        "equals-ignore-case" => Test::IgnoreCase(text()?.to_owned()),
        "wildcard" => Test::Wildcard(Wildcard::parse(text()?)?),
        "cidr" => Test::Cidr(Cidr::parse(text()?)?),
        "numeric" => {
            let Value::Array(terms) = value else { return Err("Value of numeric must be an array.".to_owned()) };
            Test::Numeric(bounds(terms)?)
        }
        "exists" => {
            let exists = value.as_bool().ok_or("exists match pattern must be either true or false.")?;
            Test::Exists(exists)
        }
        "anything-but" => Test::AnythingBut(but(value)?),
        other => return Err(format!("Unrecognized match type {other}")),
    })
}

fn only<'d>(expression: &'d Document, none: &str) -> Result<(&'d str, &'d Value), String> {
    let mut members = expression.iter();
    let (name, value) = members.next().ok_or(none)?;
    match members.next() {
        Some(_) => Err("Only one key allowed in match expression".to_owned()),
        None => Ok((name, value)),
    }
}

/// A text, or one in whatever case: `{"prefix": {"equals-ignore-case": "eventb"}}`.
fn part(name: &str, value: &Value) -> Result<Text, String> {
    match value {
        Value::String(text) => Ok(Text { text: text.clone(), ignore_case: false }),
        Value::Object(inner) => match only(inner, "Match expression name not found")? {
            ("equals-ignore-case", Value::String(text)) => Ok(Text { text: text.clone(), ignore_case: true }),
            ("equals-ignore-case", _) => Err("equals-ignore-case match pattern must be a string".to_owned()),
            (other, _) => Err(format!("Unsupported {name} match pattern: {other}")),
        },
        _ => Err(format!("{name} match pattern must be a string")),
    }
}

fn but(value: &Value) -> Result<Vec<Test>, String> {
    match value {
        Value::String(_) | Value::Number(_) => Ok(vec![Test::Is(value.clone())]),
        Value::Array(items) => {
            let texts = items.iter().filter(|item| item.is_string()).count();
            let numbers = items.iter().filter(|item| item.is_number()).count();
            match () {
                () if texts + numbers < items.len() => {
                    Err("Inside anything but list, start|null|boolean is not supported.".to_owned())
                }
                () if (texts == 0) == (numbers == 0) => {
                    Err("Inside anything but list, either all values are number or string, mixed type is not supported"
                        .to_owned())
                }
                () => Ok(items.iter().cloned().map(Test::Is).collect()),
            }
        }
        Value::Object(inner) => {
            let (name, value) = only(inner, "Anything-But expression name not found")?;
            if !["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(&name) {
                return Err(format!("Unsupported anything-but pattern: {name}"));
            }
            let items = match value {
                Value::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            if items.is_empty() {
                return Err("Empty arrays are not allowed".to_owned());
            }
            let one = |item: &Value| match item {
                Value::String(text) if text.is_empty() && matches!(name, "prefix" | "suffix") => {
                    Err("Null prefix/suffix not allowed".to_owned())
                }
                Value::String(_) => test(&Document::from_iter([(name.to_owned(), item.clone())])),
                // "Inside anything-but/... list" for what is no text (both spellings are Event Ruler's).
                _ => Err(format!("Inside anything-but/{name} list, number|start|null|boolean is not supported.")),
            };
            items.iter().map(one).collect()
        }
        Value::Bool(_) | Value::Null => {
            Err("Value of anything-but must be an array or single string/number value.".to_owned())
        }
    }
}

fn bounds(terms: &[Value]) -> Result<Vec<Bound>, String> {
    let word = |term: Option<&Value>| match term {
        Some(Value::String(word)) => Ok(word.clone()),
        other => {
            Err(format!("Invalid member in numeric match: {}", other.map_or_else(|| "]".to_owned(), Value::to_string)))
        }
    };
    let first = word(terms.first())?;
    let of = |operator: &str, term: Option<&Value>| {
        let words = if operator == "=" { "equals" } else { operator };
        let number = term.and_then(Value::as_f64).ok_or_else(|| format!("Value of {words} must be numeric"))?;
        let is_narrow = (-WIDEST..=WIDEST).contains(&number);
        is_narrow
            .then_some(number)
            .ok_or_else(|| format!("Value must be between {:.1E} and {:.1E}, inclusive", -WIDEST, WIDEST))
    };
    let low = match first.as_str() {
        "=" => Bound::Is(of("=", terms.get(1))?),
        ">" => Bound::Above(of(">", terms.get(1))?),
        ">=" => Bound::From(of(">=", terms.get(1))?),
        "<" => Bound::Below(of("<", terms.get(1))?),
        "<=" => Bound::To(of("<=", terms.get(1))?),
        other => return Err(format!("Unrecognized numeric range operator: {other}")),
    };
    if terms.len() == 2 {
        return Ok(vec![low]);
    }
    let (Bound::Above(bottom) | Bound::From(bottom)) = low else {
        return Err("Too many elements in numeric expression".to_owned());
    };
    let second = match terms.get(2) {
        Some(Value::String(word)) => word,
        other => {
            return Err(format!("Bad value in numeric range: {}", other.map_or_else(String::new, Value::to_string)));
        }
    };
    let (top, high) = match second.as_str() {
        "<" => of("<", terms.get(3)).map(|top| (top, Bound::Below(top)))?,
        "<=" => of("<=", terms.get(3)).map(|top| (top, Bound::To(top)))?,
        other => return Err(format!("Bad numeric range operator: {other}")),
    };
    if terms.len() > 4 {
        return Err("Too many terms in numeric range expression".to_owned());
    }
    // Event Ruler, `Range`.
    if bottom >= top {
        return Err("Bottom must be less than top".to_owned());
    }
    Ok(vec![low, high])
}
