//! Makes what comes from outside visible: logs, reasons, names, error messages, whatever a service, an image or a
//! manifest says. A terminal obeys what it is sent, so an escape sequence in a reason could erase what we said and
//! write "release 9 succeeded" in its place.
//!
//! Three doors: [`word`] for what stands in a line of ours, [`log`] for a line that a program wrote, [`page`] for
//! everything on its way out, which catches what went through neither. JSON has its own, [`json`].

use std::borrow::Cow;
use std::fmt::Write;

use super::Paint;

/// Whether a terminal, or a reader, would not see a character as one: controls (C0, DEL and C1, whose U+009B begins
/// sequences as `ESC [` does), what turns the direction of text around ("Trojan Source", CVE-2021-42574), and what has
/// no width. The joiners of scripts and emoji (U+200C, U+200D) are seen: by what they join.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn push(out: &mut String, c: char) {
    // Writing to a string cannot fail.
    let _ = match c {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)),
        c => write!(out, "\\u{{{:x}}}", u32::from(c)),
    };
}

/// Returns text as it may stand in a line of ours: nothing in it ends the line or moves the cursor.
pub(crate) fn word(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) { push(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Returns a line that a program wrote: its colours where ours are shown too, and ended with the line; none elsewhere.
/// A tabulator stays, and so does not the carriage return at the end that a terminal's driver adds.
pub(crate) fn log(line: &str, paint: Paint) -> Cow<'_, str> {
    let line = line.trim_end_matches('\r');
    if !line.contains(|c| c != '\t' && is_hidden(c)) {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len() + 8);
    let mut rest = line;
    let mut is_coloured = false;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = colour(rest) {
            if paint == Paint::Colour {
                out.push_str(&rest[..length]);
                is_coloured = true;
            }
            rest = &rest[length..];
            continue;
        }
        if c != '\t' && is_hidden(c) {
            push(&mut out, c)
        } else {
            out.push(c)
        }
        rest = &rest[c.len_utf8()..];
    }
    if is_coloured {
        out.push_str("\u{1b}[0m");
    }
    Cow::Owned(out)
}

/// Returns text on its way to a terminal or a file: lines, tabulators and colours stay, whatever their origin.
pub(crate) fn page(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| !matches!(c, '\n' | '\t') && is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = colour(rest).unwrap_or(c.len_utf8());
        if length == c.len_utf8() && !matches!(c, '\n' | '\t') && is_hidden(c) {
            push(&mut out, c);
        } else {
            out.push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
    Cow::Owned(out)
}

/// Returns a foreign paragraph: its lines after the first are indented, so that none looks like ours.
pub(crate) fn paragraph(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
            if !line.is_empty() && !line.starts_with(' ') {
                out.push_str("  ");
            }
        }
        out.push_str(&word(line));
    }
    out
}

/// Returns a JSON text whose strings hide nothing: JSON itself escapes the controls below U+0020 only.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c != '\n' && is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c != '\n' && is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Returns how long the sequence is that text begins with, if it only sets colours (SGR: `ESC [ 1 ; 31 m`).
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !matches!(c, '0'..='9' | ';' | ':'))?;
    (parameters[end..].starts_with('m') && end < 40).then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(
            word("gone\r\u{1b}[2K\u{1b}[1Arelease 9 succeeded\n"),
            "gone\\r\\x1b[2K\\x1b[1Arelease 9 succeeded\\n"
        );
        assert_eq!(word("a\u{8}b\u{7f}c\u{9b}31md\te"), "a\\x08b\\x7fc\\x9b31md\\te");
        assert_eq!(word("user\u{202e}txt\u{2066}\u{200b}"), "user\\u{202e}txt\\u{2066}\\u{200b}");
        assert_eq!(word("schön 👩\u{200d}🔧 ‌نمی\u{200c}خواهم"), "schön 👩\u{200d}🔧 ‌نمی\u{200c}خواهم");
    }

    #[test]
    fn a_programs_colours_are_kept_where_there_are_colours_and_end_with_the_line() {
        let line = "\u{1b}[1;31mERROR\u{1b}[0m\tgone\u{1b}[2J\r";
        assert_eq!(log(line, Paint::Colour), "\u{1b}[1;31mERROR\u{1b}[0m\tgone\\x1b[2J\u{1b}[0m");
        assert_eq!(log(line, Paint::Plain), "ERROR\tgone\\x1b[2J");
        assert_eq!(log("10%\r20%\r\r", Paint::Plain), "10%\\r20%");
        for unfinished in ["\u{1b}", "\u{1b}[", "\u{1b}[31", "\u{1b}[31\u{1b}[0K"] {
            assert!(!log(unfinished, Paint::Colour).contains('\u{1b}'), "{unfinished:?}");
        }
    }

    #[test]
    fn no_line_of_a_paragraph_but_the_first_begins_where_ours_do() {
        assert_eq!(paragraph("no\nrelease 9 succeeded\n    | a\n\nb"), "no\n  release 9 succeeded\n    | a\n\n  b");
    }

    #[test]
    fn json_stays_the_same_document() {
        let value = serde_json::json!({"a": "\u{9b}31m\u{202e}\u{e0041}\u{7f}\u{1b}", "b": "schön"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = json(&text);
        assert!(!shown.contains(|c| c != '\n' && is_hidden(c)), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    /// Text with more in it of what is dangerous than chance would have.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<String>(),
            any::<char>().prop_map(String::from),
            (0_u32..0xa0).prop_map(|c| char::from_u32(c).unwrap_or(' ').to_string()),
            Just("\u{1b}[".to_owned()),
            Just("\u{1b}[31m".to_owned()),
            Just("\u{1b}]0;title\u{7}".to_owned()),
            Just("\n".to_owned()),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// What is left of text without the sequences that only colour.
    fn without_colours(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let length = colour(rest);
            if length.is_none() {
                out.push(c);
            }
            rest = &rest[length.unwrap_or(c.len_utf8())..];
        }
        out
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in hostile()) {
            prop_assert!(!word(&text).contains(is_hidden));
            prop_assert!(!log(&text, Paint::Plain).contains(|c| c != '\t' && is_hidden(c)));
            let coloured = without_colours(&log(&text, Paint::Colour));
            prop_assert!(!coloured.contains(|c| c != '\t' && is_hidden(c)));
            prop_assert!(!without_colours(&page(&text)).contains(|c| !matches!(c, '\n' | '\t') && is_hidden(c)));
            prop_assert!(!paragraph(&text).contains(|c| c != '\n' && is_hidden(c)));
        }

        #[test]
        fn what_was_made_visible_stays_as_it_is(text in hostile()) {
            let once = word(&text);
            prop_assert_eq!(page(&once), once.as_ref());
            prop_assert_eq!(word(&once), once.as_ref());
        }
    }
}
