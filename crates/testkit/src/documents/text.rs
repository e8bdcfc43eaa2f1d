//! Texts that an expression of a model matches.

use aws_model::model::Pattern;
use platform_core::Ids;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Returns a text of at least and at most so many characters that an expression matches; none if none was found.
pub(super) fn matching(pattern: &Pattern, least: usize, most: usize, ids: &mut Ids) -> Option<String> {
    if let Some(sample) = sample(pattern.text()) {
        return Some(sample.to_owned());
    }
    let hir = regex_syntax::Parser::new().parse(&pattern.expression()).ok()?;
    // What is repeated is repeated more often at each try: few expressions say how long their texts are.
    let text = |tries: usize| {
        let mut text = String::new();
        write(&hir, least.min(tries * 16) + tries, &mut text, ids);
        text.chars().take(most).collect::<String>()
    };
    (0..200).map(text).find(|text| text.chars().count() >= least && pattern.matches(text))
}

/// Texts of the expressions that look around, which have no syntax tree that one could write from.
fn sample(pattern: &str) -> Option<&'static str> {
    let looks = ["(?=", "(?!", "(?<"].iter().any(|look| pattern.contains(look));
    looks.then(|| match pattern {
        // Certificate Manager's DomainNameString.
        p if p.starts_with(r"(\*\.)?(((?!-)") => "www.example.com",
        // Cloud Map's names, IAM's accountAliasType.
        _ => "example",
    })
}

fn write(hir: &Hir, repeats: usize, out: &mut String, ids: &mut Ids) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => out.extend(letter(class, ids)),
        HirKind::Capture(capture) => write(&capture.sub, repeats, out, ids),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, repeats, out, ids)),
        HirKind::Alternation(parts) => write(&parts[below(parts.len(), ids)], repeats, out, ids),
        HirKind::Repetition(repetition) => {
            let least = repetition.min as usize;
            let most = repetition.max.map_or(usize::MAX, |max| max as usize);
            let times = least.saturating_add(below(repeats + 1, ids)).clamp(least, most);
            (0..times).for_each(|_| write(&repetition.sub, repeats.min(4), out, ids));
        }
    }
}

/// Letters that people use, if the class has any: a name in private-use characters tries nothing.
fn letter(class: &Class, ids: &mut Ids) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => class.ranges().iter().map(|r| (r.start() as char, r.end() as char)).collect(),
    };
    let has = |letter: char| ranges.iter().any(|(start, end)| (*start..=*end).contains(&letter));
    let usual: Vec<char> =
        ('a'..='z').chain('A'..='Z').chain('0'..='9').chain("-_/.:é".chars()).filter(|l| has(*l)).collect();
    if !usual.is_empty() {
        return Some(usual[below(usual.len(), ids)]);
    }
    (!ranges.is_empty()).then(|| ranges[below(ranges.len(), ids)].0)
}

pub(super) fn below(count: usize, ids: &mut Ids) -> usize {
    (ids.next() % count.max(1) as u64) as usize
}
