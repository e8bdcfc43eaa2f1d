//! `format` and `formatlist`: Terraform's verbs, which are Go's with its own rules of types.

use super::super::eval::Fault;
use super::super::value::Value;
use super::{json, wrong};

/// No text that is worth importing is wider.
const WIDEST: usize = 1024;

/// A verb such as `%-8.2f` or `%[2]s`.
#[derive(Debug, Default)]
struct Verb {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
    /// Which argument, from 1.
    argument: Option<usize>,
    name: char,
}

/// Returns what a pattern makes of its arguments. What it makes of null Terraform does not say before it applies.
pub(super) fn format(pattern: &str, args: &[Value]) -> Result<Value, Fault> {
    let mut out = String::new();
    let (mut next, mut used) = (0, 0);
    let mut rest = pattern;
    while let Some((plain, after)) = rest.split_once('%') {
        out.push_str(plain);
        let (verb, after) = read(after).ok_or_else(|| wrong("format"))?;
        rest = after;
        if verb.name == '%' {
            out.push('%');
            continue;
        }
        let at = verb.argument.map_or(next, |argument| argument.saturating_sub(1));
        let value = args.get(at).ok_or_else(|| wrong("format"))?;
        next = at + 1;
        used = used.max(next);
        if *value == Value::Null {
            return Ok(Value::unknown("format() of null"));
        }
        out.push_str(&shown(&verb, value).ok_or_else(|| wrong("format"))?);
    }
    // An argument too many is a mistake, and Terraform says so.
    if used < args.len() {
        return Err(wrong("format"));
    }
    Ok((out + rest).into())
}

/// Returns a row for each element of the lists among the arguments.
pub(super) fn format_list(args: &[Value]) -> Result<Value, Fault> {
    let fault = || wrong("formatlist");
    let pattern = args.first().and_then(Value::as_text).and_then(|text| text.known()).ok_or_else(fault)?;
    let lengths =
        args[1..].iter().filter_map(|value| if let Value::List(values) = value { Some(values.len()) } else { None });
    let lengths: Vec<usize> = lengths.collect();
    if lengths.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(fault());
    }
    let rows = (0..lengths.first().copied().unwrap_or(1)).map(|at| {
        let row = args[1..].iter().map(|value| match value {
            Value::List(values) => values.get(at).cloned().unwrap_or(Value::Null),
            other => other.clone(),
        });
        format(&pattern, &row.collect::<Vec<_>>())
    });
    rows.collect::<Result<_, _>>().map(Value::List)
}

fn read(text: &str) -> Option<(Verb, &str)> {
    let mut verb = Verb::default();
    let mut chars = text.char_indices().peekable();
    while let Some((_, flag)) = chars.next_if(|(_, c)| "-+ 0#".contains(*c)) {
        match flag {
            '-' => verb.left = true,
            '+' => verb.plus = true,
            ' ' => verb.space = true,
            '0' => verb.zero = true,
            _ => verb.sharp = true,
        }
    }
    let number = |chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>| {
        let mut found = None;
        while let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
            let digit = digit.to_digit(10).unwrap_or(0) as usize;
            found = Some((found.unwrap_or(0_usize) * 10 + digit).min(WIDEST));
        }
        found
    };
    verb.width = number(&mut chars).unwrap_or(0);
    if chars.next_if(|(_, c)| *c == '.').is_some() {
        verb.precision = Some(number(&mut chars).unwrap_or(0));
    }
    if chars.next_if(|(_, c)| *c == '[').is_some() {
        verb.argument = Some(number(&mut chars).filter(|at| *at > 0)?);
        chars.next_if(|(_, c)| *c == ']')?;
    }
    let (at, name) = chars.next()?;
    verb.name = name;
    Some((verb, &text[at + name.len_utf8()..]))
}

fn shown(verb: &Verb, value: &Value) -> Option<String> {
    let text = || value.as_text().and_then(|text| text.known());
    let number = || value.as_number();
    let whole = || number().filter(|number| number.fract() == 0.0).map(|number| number as i128);
    Some(match verb.name {
        's' => verb.padded(verb.cut(text()?)),
        'q' => verb.padded(quoted(&text()?)),
        'v' if verb.sharp => verb.padded(json::encode(value).known()?),
        'v' => match value {
            Value::Number(_) => verb.padded(verb.signed(general(number()?, verb.precision, false))),
            Value::Bool(value) => value.to_string(),
            Value::Text(_) => verb.padded(verb.cut(text()?)),
            other => verb.padded(json::encode(other).known()?),
        },
        't' => value.as_bool()?.to_string(),
        'd' => verb.padded(verb.signed(whole()?.to_string())),
        'b' => verb.padded(verb.signed(radix(whole()?, |n| format!("{n:b}"), if verb.sharp { "0b" } else { "" }))),
        'o' => verb.padded(verb.signed(radix(whole()?, |n| format!("{n:o}"), if verb.sharp { "0" } else { "" }))),
        'x' => verb.padded(verb.signed(radix(whole()?, |n| format!("{n:x}"), if verb.sharp { "0x" } else { "" }))),
        'X' => verb.padded(verb.signed(radix(whole()?, |n| format!("{n:X}"), if verb.sharp { "0X" } else { "" }))),
        'f' | 'F' => verb.padded(verb.signed(format!("{:.*}", verb.precision.unwrap_or(6), number()?))),
        'e' => verb.padded(verb.signed(scientific(number()?, verb.precision.unwrap_or(6)))),
        'E' => verb.padded(verb.signed(scientific(number()?, verb.precision.unwrap_or(6)).to_uppercase())),
        'g' => verb.padded(verb.signed(general(number()?, verb.precision, true))),
        'G' => verb.padded(verb.signed(general(number()?, verb.precision, true).to_uppercase())),
        _ => return None,
    })
}

impl Verb {
    fn cut(&self, text: String) -> String {
        self.precision.map_or(text.clone(), |most| text.chars().take(most).collect())
    }

    fn signed(&self, number: String) -> String {
        match number.starts_with('-') {
            false if self.plus => format!("+{number}"),
            false if self.space => format!(" {number}"),
            _ => number,
        }
    }

    fn padded(&self, text: String) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        match (self.left, self.zero) {
            (true, _) => text + &" ".repeat(missing),
            (false, true) => {
                let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
                format!("{sign}{}{digits}", "0".repeat(missing))
            }
            (false, false) => " ".repeat(missing) + &text,
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

fn radix(number: i128, digits: impl Fn(u128) -> String, prefix: &str) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{prefix}{}", digits(number.unsigned_abs()))
}

/// `1.234500e+03`: Go's exponent has a sign and two digits.
fn scientific(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    exponent_of(mantissa, exponent)
}

fn exponent_of(mantissa: &str, exponent: &str) -> String {
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// The shorter of both forms: an exponent below 10^-4 and from 10^21 on, with `%g` from what its precision holds.
fn general(number: f64, precision: Option<usize>, short: bool) -> String {
    let text = match precision {
        Some(digits) => format!("{number:.*e}", digits.max(1) - 1),
        None => format!("{number:e}"),
    };
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let at: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.chars().filter(char::is_ascii_digit).count() as i32;
    let most = match (precision, short) {
        (Some(digits), _) => digits.max(1) as i32,
        (None, true) => 6,
        (None, false) => 21,
    };
    if at < -4 || at >= most {
        return exponent_of(mantissa, exponent);
    }
    let decimals = (digits - 1 - at).max(0) as usize;
    format!("{number:.decimals$}")
}
