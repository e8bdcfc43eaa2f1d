//! Names of DNS as Route 53 writes them: small letters, a dot at the end, and everything but `a-z`, `0-9`, `-` and `_`
//! as `\` and three octal digits (developer guide, "DNS domain name format").

/// The longest name, without the dot at its end (developer guide, same page).
const LONGEST: usize = 255;
/// The longest label.
const LONGEST_LABEL: usize = 63;

/// Returns a name as Route 53 keeps it: `*.Shop.Local` is `\052.shop.local.`.
pub(crate) fn canonical(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => match escaped(&mut rest) {
                // What needs no escape is written without.
                Some(byte) => put(&mut out, byte),
                None => put(&mut out, b'\\'),
            },
            b'.' => out.push('.'),
            byte => put(&mut out, byte),
        }
    }
    if !out.ends_with('.') {
        out.push('.');
    }
    out
}

fn put(out: &mut String, byte: u8) {
    match byte.to_ascii_lowercase() {
        plain @ (b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') => out.push(char::from(plain)),
        other => out.push_str(&format!("\\{other:03o}")),
    }
}

/// Reads the three octal digits after a backslash; takes none of them where they are no such digits.
fn escaped(rest: &mut std::str::Bytes<'_>) -> Option<u8> {
    let digits: Vec<u8> = rest.clone().take(3).collect();
    let text = std::str::from_utf8(&digits).ok().filter(|text| text.len() == 3)?;
    let byte = u8::from_str_radix(text, 8).ok()?;
    rest.nth(2);
    Some(byte)
}

/// Returns a canonical name with its labels in reverse order: the order of Route 53's listings. All names below a name
/// begin with its reverse.
pub(crate) fn reversed(name: &str) -> String {
    let mut labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    labels.reverse();
    labels.join(".") + "."
}

/// Returns whether a canonical name is another or below it.
pub(crate) fn is_within(name: &str, above: &str) -> bool {
    above == "." || name.strip_suffix(above).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns the name above a canonical one; none above the root.
pub(crate) fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, above)| above).filter(|above| !above.is_empty())
}

/// Returns why a canonical name is none, in Route 53's words.
pub(crate) fn fault(name: &str) -> Option<&'static str> {
    let labels = || name.trim_end_matches('.').split('.');
    if labels().any(str::is_empty) {
        return Some("EMPTY_LABEL");
    }
    if labels().any(|label| length(label) > LONGEST_LABEL) {
        return Some("LABEL_TOO_LONG");
    }
    (name.split('.').map(length).sum::<usize>() + labels().count() - 1 > LONGEST).then_some("DOMAIN_NAME_TOO_LONG")
}

/// Returns how many characters a label has: an escape stands for one.
fn length(label: &str) -> usize {
    label.len() - 3 * label.matches('\\').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_route_53_writes_them() {
        assert_eq!(canonical("WWW.Example.com"), "www.example.com.");
        assert_eq!(canonical("*.example.com."), r"\052.example.com.");
        assert_eq!(canonical(r"\052.example.com."), r"\052.example.com.");
        assert_eq!(canonical(r"a\141b!.com"), r"aab\041.com.");
        assert_eq!(canonical(r"a\9"), r"a\1349.");
        assert_eq!(reversed("www.example.com."), "com.example.www.");
        assert!(is_within("a.b.", "b.") && is_within("b.", "b.") && !is_within("ab.", "b."));
        assert_eq!((parent("a.b."), parent("b.")), (Some("b."), None));
        assert_eq!(fault("a..b."), Some("EMPTY_LABEL"));
        assert_eq!(fault(&format!("{}.b.", "x".repeat(64))), Some("LABEL_TOO_LONG"));
        assert_eq!(fault(&format!("{}.b.", r"\041".repeat(63))), None);
        assert_eq!(fault(&"abc.".repeat(65)), Some("DOMAIN_NAME_TOO_LONG"));
    }

    proptest::proptest! {
        #[test]
        fn a_canonical_name_stays_as_it_is(name in r"([a-zA-Z0-9*!_\\ -]{1,8}\.){0,4}[a-z\\0-9]{0,8}") {
            let once = canonical(&name);
            proptest::prop_assert_eq!(canonical(&once), once);
        }
    }
}
