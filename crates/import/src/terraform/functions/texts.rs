//! Functions of texts and numbers. They see whole values; who calls them hides what was made of a secret.

use regex::{Captures, Regex};

use super::super::eval::Fault;
use super::super::value::Value;
use super::wrong;

/// Calls one of these functions; nothing for a function that is not known here.
pub(super) fn call(name: &str, args: &[Value]) -> Option<Result<Value, Fault>> {
    let texts: Vec<Option<String>> = args.iter().map(|value| value.as_text().and_then(|text| text.known())).collect();
    let text = |index: usize| texts.get(index).and_then(|text| text.as_deref());
    let number = |index: usize| args.get(index).and_then(Value::as_number);
    let value: Option<Value> = match name {
        "lower" => text(0).map(|text| text.to_lowercase().into()),
        "upper" => text(0).map(|text| text.chars().map(upper).collect::<String>().into()),
        "title" => text(0).map(|text| title(text).into()),
        "trimspace" => text(0).map(|text| text.trim().into()),
        "chomp" => text(0).map(|text| text.trim_end_matches(['\r', '\n']).into()),
        "trim" => both(text(0), text(1)).map(|(text, cut)| text.trim_matches(|c| cut.contains(c)).into()),
        "trimprefix" => both(text(0), text(1)).map(|(text, cut)| text.strip_prefix(cut).unwrap_or(text).into()),
        "trimsuffix" => both(text(0), text(1)).map(|(text, cut)| text.strip_suffix(cut).unwrap_or(text).into()),
        "startswith" => both(text(0), text(1)).map(|(text, start)| Value::Bool(text.starts_with(start))),
        "endswith" => both(text(0), text(1)).map(|(text, end)| Value::Bool(text.ends_with(end))),
        "strcontains" => both(text(0), text(1)).map(|(text, part)| Value::Bool(text.contains(part))),
        "strrev" => text(0).map(|text| text.chars().rev().collect::<String>().into()),
        "length" => text(0).map(|text| Value::number(text.chars().count() as f64)),
        "split" => both(text(0), text(1)).map(|(separator, text)| split(separator, text)),
        "replace" => match (text(0), text(1), text(2)) {
            // Between slashes it is a regular expression.
            (Some(text), Some(from), Some(to)) if from.len() > 1 && from.starts_with('/') && from.ends_with('/') => {
                let pattern = pattern(&from[1..from.len() - 1])?;
                Some(pattern.replace_all(text, to).into_owned().into())
            }
            (Some(text), Some(from), Some(to)) => Some(text.replace(from, to).into()),
            _ => None,
        },
        "substr" => match (text(0), number(1), number(2)) {
            (Some(text), Some(from), Some(length)) => Some(substr(text, from as i64, length as i64).into()),
            _ => None,
        },
        "format" => match text(0) {
            Some(pattern) => return Some(super::format::format(pattern, &args[1..])),
            None => None,
        },
        "regex" => match both(text(0), text(1)) {
            Some((source, text)) => {
                let pattern = pattern(source)?;
                match pattern.captures(text) {
                    Some(captures) => Some(captured(&pattern, &captures)),
                    None => return Some(Err(Fault("regex(): no match".to_owned()))),
                }
            }
            None => None,
        },
        "regexall" => match both(text(0), text(1)) {
            Some((source, text)) => {
                let pattern = pattern(source)?;
                Some(Value::List(pattern.captures_iter(text).map(|one| captured(&pattern, &one)).collect()))
            }
            None => None,
        },
        "formatlist" => return Some(super::format::format_list(args)),
        "urlencode" => text(0).map(|text| urlencode(text).into()),
        "indent" => both(text(1), text(0)).map(|(text, _)| {
            let pad = format!("\n{}", " ".repeat((number(0).unwrap_or(0.0) as usize).min(WIDEST)));
            text.replace('\n', &pad).into()
        }),
        "base64encode" => text(0).map(|text| base64(text.as_bytes()).into()),
        "signum" => number(0).map(|number| Value::number(if number == 0.0 { 0.0 } else { number.signum() })),
        "pow" => both_numbers(number(0), number(1)).map(|(base, power)| Value::number(base.powf(power))),
        "log" => both_numbers(number(0), number(1)).map(|(of, base)| Value::number(of.ln() / base.ln())),
        "base64decode" => match text(0).and_then(from_base64) {
            Some(text) => Some(text.into()),
            None => return Some(Err(wrong(name))),
        },
        "yamldecode" => match text(0).and_then(crate::yaml::document) {
            Some(document) => Some(super::json::Marks::default().value(document)),
            // The fault of the parser may quote the text.
            _ => return Some(Err(Fault("yamldecode(): no YAML".to_owned()))),
        },
        "max" => numbers(args).and_then(|numbers| numbers.into_iter().reduce(f64::max)).map(Value::number),
        "min" => numbers(args).and_then(|numbers| numbers.into_iter().reduce(f64::min)).map(Value::number),
        "abs" => number(0).map(|number| Value::number(number.abs())),
        "ceil" => number(0).map(|number| Value::number(number.ceil())),
        "floor" => number(0).map(|number| Value::number(number.floor())),
        "sum" => match args {
            [Value::List(values)] => numbers(values).map(|numbers| Value::number(numbers.iter().sum())),
            _ => None,
        },
        "parseint" => both(text(0), Some("")).and_then(|(text, _)| {
            let radix = number(1).filter(|radix| (2.0..=36.0).contains(radix))? as u32;
            i64::from_str_radix(text, radix).ok().map(|number| Value::number(number as f64))
        }),
        "range" => numbers(args).and_then(|numbers| range(&numbers)),
        "basename" => text(0).map(|path| match path.trim_end_matches('/') {
            "" if path.is_empty() => ".".into(),
            "" => "/".into(),
            path => path.rsplit('/').next().unwrap_or(path).into(),
        }),
        "dirname" => text(0).map(|path| path.rsplit_once('/').map_or(".", |(dir, _)| dir).into()),
        _ => return None,
    };
    Some(value.ok_or_else(|| wrong(name)))
}

/// Go's expressions and Rust's are both RE2's; one that is not a pattern here is a function that is not known.
fn pattern(source: &str) -> Option<Regex> {
    Regex::new(source).ok()
}

/// Returns the match, its groups as a list, or its named groups as a map.
fn captured(pattern: &Regex, captures: &Captures<'_>) -> Value {
    let group = |found: Option<regex::Match<'_>>| found.map_or(Value::Null, |found| found.as_str().into());
    let names: Vec<&str> = pattern.capture_names().flatten().collect();
    if !names.is_empty() {
        return Value::Map(names.into_iter().map(|name| (name.to_owned(), group(captures.name(name)))).collect());
    }
    match captures.len() {
        1 => group(captures.get(0)),
        groups => Value::List((1..groups).map(|at| group(captures.get(at))).collect()),
    }
}

fn both<'t>(left: Option<&'t str>, right: Option<&'t str>) -> Option<(&'t str, &'t str)> {
    Some((left?, right?))
}

fn both_numbers(left: Option<f64>, right: Option<f64>) -> Option<(f64, f64)> {
    Some((left?, right?))
}

fn numbers(values: &[Value]) -> Option<Vec<f64>> {
    values.iter().map(Value::as_number).collect()
}

fn range(numbers: &[f64]) -> Option<Value> {
    let (from, to, step) = match *numbers {
        [to] => (0.0, to, 1.0),
        [from, to] => (from, to, if to < from { -1.0 } else { 1.0 }),
        [from, to, step] => (from, to, step),
        _ => return None,
    };
    let mut values = Vec::new();
    let mut at = from;
    while step != 0.0 && values.len() < 1024 && if step > 0.0 { at < to } else { at > to } {
        values.push(Value::number(at));
        at += step;
    }
    Some(Value::List(values))
}

fn split(separator: &str, text: &str) -> Value {
    if text.is_empty() {
        return Value::List(vec!["".into()]);
    }
    Value::List(if separator.is_empty() {
        text.chars().map(|c| c.to_string().into()).collect()
    } else {
        text.split(separator).map(Value::from).collect()
    })
}

fn substr(text: &str, from: i64, length: i64) -> String {
    let count = text.chars().count() as i64;
    let from = if from < 0 { (count + from).max(0) } else { from };
    let rest = text.chars().skip(from as usize);
    if length < 0 { rest.collect() } else { rest.take(length as usize).collect() }
}

/// Go has one letter for one: `ß` stays.
fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

fn title(text: &str) -> String {
    let mut before = ' ';
    text.chars()
        .map(|c| {
            let starts = !(before.is_alphanumeric() || before == '_');
            before = c;
            if starts { c.to_uppercase().collect::<String>() } else { c.to_string() }
        })
        .collect()
}

/// As Go's `url.QueryEscape`.
fn urlencode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// No text that is worth importing is wider.
const WIDEST: usize = 1024;

/// The standard alphabet with padding, as `base64encode` writes it. Not worth a dependency of a pure crate.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let index = (bits >> (18 - 6 * at)) & 63;
            out.push(if at <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    out
}

/// Reads what [`base64`] writes; only text, as Terraform.
fn from_base64(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}
