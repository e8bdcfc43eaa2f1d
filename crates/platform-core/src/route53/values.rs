//! Whether a record's value is written as its type says (developer guide, "Supported DNS record types").

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name;
use crate::names::texts;

/// The longest text of a TXT record.
const LONGEST_TEXT: usize = 255;

/// Returns what is wrong with the first value that is wrong, after the words in which Route 53 says it (`A`, `AAAA`, TXT
/// as seen in boto3 #1462 and in the error list of the developer guide; the others in their form).
pub(super) fn fault<'v>(kind: &str, values: impl Iterator<Item = &'v str>) -> Option<String> {
    let mut seen: Vec<&str> = Vec::new();
    for value in values {
        let said = |(code, words): (&str, &str)| format!("{code} ({words}) encountered with '{value}'");
        if seen.contains(&value) {
            return Some(said(("DuplicateResourceRecord", "Value is given twice")));
        }
        if let Some(fault) = of_value(kind, value) {
            return Some(said(fault));
        }
        seen.push(value);
    }
    let is_alone = ["CNAME", "SOA"].contains(&kind) && seen.len() > 1;
    is_alone.then(|| format!("{kind}NotOneValue (Exactly one value is allowed) encountered with '{}'", seen[1]))
}

fn of_value(kind: &str, value: &str) -> Option<(&'static str, &'static str)> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let are_numbers = |words: &[&str]| words.iter().all(|word| word.parse::<u16>().is_ok());
    let are_fields = |count: usize, numbers: usize| words.len() == count && are_numbers(&words[..numbers]);
    match kind {
        "A" if value.parse::<Ipv4Addr>().is_err() => {
            Some(("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address"))
        }
        "AAAA" if value.parse::<Ipv6Addr>().is_err() => {
            Some(("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address"))
        }
        "TXT" | "SPF" => match texts(value) {
            None => Some(("InvalidCharacterString", "Value should be enclosed in quotation marks")),
            Some(texts) if texts.iter().any(|text| text.len() > LONGEST_TEXT) => {
                Some(("CharacterStringTooLong", "Value is too long"))
            }
            Some(_) => None,
        },
        "CNAME" | "NS" | "PTR" if !is_name(value) => Some(("DomainNameInvalid", "Value is not a valid domain name")),
        "MX" if !are_fields(2, 1) || !is_name(words[1]) => {
            Some(("MXRRDATANotTwoFields", "Value is not a priority and a domain name"))
        }
        "SRV" if !are_fields(4, 3) || !is_name(words[3]) => {
            Some(("SRVRRDATANotFourFields", "Value is not three numbers and a domain name"))
        }
        "SOA" if words.len() != 7 || !words[2..].iter().all(|word| word.parse::<u32>().is_ok()) => {
            Some(("SOARRDATANotSevenFields", "Value is not two domain names and five numbers"))
        }
        _ if value.is_empty() => Some(("ResourceRecordEmpty", "Value is empty")),
        _ => None,
    }
}

fn is_name(value: &str) -> bool {
    !value.is_empty() && !value.contains(char::is_whitespace) && name::fault(&name::canonical(value)).is_none()
}
