//! What a record's value says, once it was accepted.

use super::Data;
use crate::route53::name::canonical;

/// Reads a value as its type writes it (developer guide, "Supported DNS record types").
pub(super) fn read(kind: &str, value: &str) -> Option<Data> {
    Some(match kind {
        "A" => Data::A(value.trim().parse().ok()?),
        "AAAA" => Data::Aaaa(value.trim().parse().ok()?),
        "CNAME" => Data::Cname(canonical(value.trim())),
        "SRV" => {
            let mut words = value.split_whitespace();
            let mut number = || words.next()?.parse::<u16>().ok();
            let (priority, weight, port) = (number()?, number()?, number()?);
            Data::Srv { priority, weight, port, target: canonical(words.next()?) }
        }
        "TXT" => Data::Txt(texts(value)?),
        _ => return None,
    })
}

/// Reads texts in quotation marks, with `\"`, `\\` and `\` with three octal digits in them; none if they are none.
pub(crate) fn texts(value: &str) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut rest = value.trim_start().as_bytes();
    while !rest.is_empty() {
        rest = rest.strip_prefix(b"\"")?;
        let mut text = Vec::new();
        loop {
            rest = match rest {
                [b'"', after @ ..] => {
                    rest = after;
                    break;
                }
                [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                    text.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                    after
                }
                [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                    text.push(*byte);
                    after
                }
                [] => return None,
            };
        }
        found.push(text);
        rest = rest.trim_ascii_start();
    }
    (!found.is_empty()).then_some(found)
}
