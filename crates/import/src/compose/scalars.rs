//! What is a word without quotes to Compose: a text, or a number that is no longer what was written?
//!
//! Compose v2 reads with compose-go (v2.13.0), and that with go.yaml.in/yaml v4.0.0-rc.4 since January 2026 and with
//! gopkg.in/yaml.v3 before; both have the same rule (internal/libyaml/resolver.go, `resolve`; resolve.go in v3).
//! `_` is taken out; then `strconv.ParseInt(plain, 0, 64)`, for which a leading `0` or `0o` is octal, `0x` and `0b` are
//! what they say; then a float of YAML's style, so that `0123456789`, whose 8 and 9 are not octal, is one. What is then
//! asked for as a text is `fmt.Sprint` of that (compose-go's types/mapping.go, `mappingValue`): 1.23456789e+08.
//! Compose v1 reads with PyYAML (lib/yaml/resolver.py, `Resolver`): YAML 1.1, with numbers to the base of 60, where a
//! float has a point, and a number that starts with 0 and is not octal is a text.

use super::yaml::Value;

/// A word without quotes that Compose turns into another text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// As it stands in the file.
    pub(super) text: String,
    /// What Compose v1 made of it.
    pub(super) v1: String,
}

/// Returns what Compose v2 reads in a word without quotes.
pub(super) fn v2(word: &str) -> Value {
    match word {
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        "-0" | "-0.0" => return Value::Float(-0.0),
        _ => {}
    }
    if !word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::Text(word.to_owned());
    }
    if let Some(moment) = moment(word) {
        return Value::Text(moment);
    }
    // Not where a point begins it.
    let plain = if word.starts_with('.') { word.to_owned() } else { word.replace('_', "") };
    match integer(&plain) {
        Some(number) => match i64::try_from(number) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Text(number.to_string()),
        },
        None if is_float(&plain) => match plain.parse::<f64>() {
            // Out of range is an error to ParseFloat.
            Ok(number) if number.is_finite() => Value::Float(number),
            _ => Value::Text(word.to_owned()),
        },
        None => Value::Text(word.to_owned()),
    }
}

/// Returns the number as `ParseInt` and `ParseUint` read it with the base 0: from -2^63 to 2^64-1.
fn integer(plain: &str) -> Option<i128> {
    let (is_negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(plain)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some(_) if lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let is_good = !digits.is_empty() && digits.bytes().all(|digit| (digit as char).is_digit(base));
    let number = i128::from_str_radix(digits, base).ok().filter(|_| is_good)?;
    let number = if is_negative { -number } else { number };
    // ParseUint takes no sign.
    let most = if plain.starts_with('+') { i128::from(i64::MAX) } else { i128::from(u64::MAX) };
    (i128::from(i64::MIN)..=most).contains(&number).then_some(number)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !part.is_empty();
    has_digits && are_digits(whole) && are_digits(part) && exponent.is_none_or(|e| !e.is_empty() && are_digits(e))
}

/// Returns what `fmt.Sprint` makes of the `time.Time` that a date, or a date and a time, is read as.
fn moment(word: &str) -> Option<String> {
    let (date, time) = match word.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (word, None),
    };
    let number = |text: &str, most: u32| {
        let is_good = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| is_good && *number <= most)
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let leaps = year.parse::<u32>().is_ok_and(|y| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0);
    let month = number(month, 12).filter(|month| is_year && *month > 0)?;
    let days = match month {
        2 if leaps => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let day = number(day, days).filter(|day| *day > 0)?;
    let date = format!("{year}-{month:02}-{day:02}");
    let Some(time) = time else { return Some(format!("{date} 00:00:00 +0000 UTC")) };
    let (time, is_utc) = match time.strip_suffix('Z') {
        Some(time) => (time, !word.contains(' ')),
        None => (time, word.contains(' ')),
    };
    let parts: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return None };
    let (hour, minute, second) = (number(hour, 23)?, number(minute, 59)?, number(second, 59)?);
    is_utc.then(|| format!("{date} {hour:02}:{minute:02}:{second:02} +0000 UTC"))
}

/// Returns a float as Go's `fmt.Sprint` writes it: the shortest digits, with an exponent below -4 and from 6 on
/// (strconv/ftoa.go, `%g` with the shortest precision).
pub(super) fn sprint(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    number.to_string()
}

/// Returns what Compose v1 reads in a word without quotes, as a text.
pub(super) fn v1(word: &str) -> String {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let sign = if word.starts_with('-') { "-" } else { "" };
    let plain: String = unsigned.chars().filter(|c| *c != '_').collect();
    let is_of = |digits: &str, base: u32| !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base));
    let based = |digits: &str, base: u32| {
        let number = u64::from_str_radix(digits, base).ok().filter(|_| is_of(digits, base));
        number.map(|number| format!("{}{number}", if number == 0 { "" } else { sign }))
    };
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit());
    if starts && plain == "0" {
        return "0".to_owned();
    }
    let number = match plain.get(..2) {
        _ if !starts => None,
        Some("0x") => based(&plain[2..], 16),
        Some("0b") => based(&plain[2..], 2),
        _ if plain.starts_with('0') => based(&plain[1..], 8),
        _ => based(&plain, 10),
    };
    let of_sixty = || {
        let parts: Vec<&str> = plain.split(':').collect();
        let (first, rest) = parts.split_first().filter(|(first, rest)| !rest.is_empty() && !first.starts_with('0'))?;
        let is_good = is_of(first, 10) && rest.iter().all(|part| part.len() < 3 && is_of(part, 10));
        let mut total: u64 = first.parse().ok().filter(|_| is_good)?;
        for part in rest {
            let part: u64 = part.parse().ok().filter(|part| *part < 60)?;
            total = total.checked_mul(60)?.checked_add(part)?;
        }
        Some(format!("{sign}{total}"))
    };
    let of_point = || {
        let (whole, part) = plain.split_once('.').filter(|_| starts)?;
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let exponent = &part[digits..];
        let is_signed = exponent.is_empty()
            || exponent.strip_prefix(['e', 'E']).is_some_and(|e| e.starts_with(['-', '+']) && is_of(&e[1..], 10));
        let number: f64 = plain.parse().ok().filter(|_| is_of(whole, 10) && is_signed)?;
        // As Python writes it, but for very large ones.
        Some(format!("{sign}{number:?}"))
    };
    number.or_else(of_sixty).or_else(of_point).unwrap_or_else(|| match word {
        "True" | "TRUE" => "true".to_owned(),
        "False" | "FALSE" => "false".to_owned(),
        _ => word.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::yaml::{Node, Value};
    use super::{v1, v2};

    /// The second column is what compose-go v2.13.0 itself answered, the third what PyYAML 6 did.
    #[test]
    fn a_word_is_read_as_compose_go_reads_it() {
        for (word, two, one) in [
            ("022", "18", "18"),
            ("01234", "668", "668"),
            ("0123456789", "1.23456789e+08", "0123456789"),
            ("08", "8", "08"),
            ("00", "0", "0"),
            ("0", "0", "0"),
            ("0e5", "0", "0e5"),
            ("1e3", "1000", "1e3"),
            ("1.10", "1.1", "1.1"),
            ("1.0", "1", "1.0"),
            ("1000000.0", "1e+06", "1000000.0"),
            ("1234567.5", "1.2345675e+06", "1234567.5"),
            ("100000.5", "100000.5", "100000.5"),
            ("0.0001", "0.0001", "0.0001"),
            ("0.00001", "1e-05", "1e-5"),
            (".5", "0.5", ".5"),
            ("5.", "5", "5.0"),
            ("0o17", "15", "0o17"),
            ("0x10", "16", "16"),
            ("0b11", "3", "3"),
            ("1_000", "1000", "1000"),
            ("-022", "-18", "-18"),
            ("+5", "5", "5"),
            ("18446744073709551615", "18446744073709551615", "18446744073709551615"),
            ("0x", "0x", "0x"),
            ("22:22", "22:22", "1342"),
            ("8080:80", "8080:80", "8080:80"),
            ("1.2.3", "1.2.3", "1.2.3"),
            ("2026-11-30", "2026-11-30 00:00:00 +0000 UTC", "2026-11-30"),
            ("2026-11-30 10:11:12", "2026-11-30 10:11:12 +0000 UTC", "2026-11-30 10:11:12"),
            ("2026-02-30", "2026-02-30", "2026-02-30"),
            ("True", "true", "true"),
            ("yes", "yes", "yes"),
            ("-", "-", "-"),
            ("", "", ""),
        ] {
            let node = Node { value: v2(word), ..Node::default() };
            let text = if matches!(node.value, Value::Null) { String::new() } else { node.text().unwrap() };
            assert_eq!((text.as_str(), v1(word).as_str()), (two, one), "{word}");
        }
    }
}
