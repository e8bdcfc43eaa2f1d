//! How is a part of a CI file written again? As YAML that says the same, in the form of the user's own where that matters.

use super::{Member, Node, Value};

/// Returns members as lines of a block, without indent.
pub(crate) fn members(entries: &[Member]) -> String {
    let mut text = String::new();
    map(&mut text, entries, 0);
    text
}

/// Returns items as lines of a block, without indent.
pub(crate) fn items(nodes: &[Node]) -> String {
    let mut text = String::new();
    list(&mut text, nodes, 0);
    text
}

fn map(out: &mut String, entries: &[Member], indent: usize) {
    for entry in entries {
        out.push_str(&" ".repeat(indent));
        out.push_str(&key(&entry.key));
        out.push(':');
        value(out, &entry.node, indent);
    }
}

/// What stands behind a key; a list of a mapping needs no indent, but reads better with one.
fn value(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            map(out, entries, indent + 2);
        }
        Value::List(nodes) if !nodes.is_empty() => {
            out.push('\n');
            list(out, nodes, indent + 2);
        }
        Value::Null => out.push('\n'),
        _ => {
            out.push(' ');
            scalar(out, node, indent);
        }
    }
}

fn list(out: &mut String, nodes: &[Node], indent: usize) {
    for node in nodes {
        out.push_str(&" ".repeat(indent));
        out.push('-');
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                let mut inner = String::new();
                map(&mut inner, entries, indent + 2);
                out.push(' ');
                out.push_str(inner.trim_start_matches(' '));
            }
            Value::List(nodes) if !nodes.is_empty() => {
                let mut inner = String::new();
                list(&mut inner, nodes, indent + 2);
                out.push(' ');
                out.push_str(inner.trim_start_matches(' '));
            }
            Value::Null => out.push('\n'),
            _ => {
                out.push(' ');
                scalar(out, node, indent);
            }
        }
    }
}

fn scalar(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        Value::Plain(text) => out.push_str(text),
        Value::Text(text, true) if is_plain(text) => out.push_str(text),
        Value::Text(text, _) if is_block(text) => {
            block(out, text, indent);
            return;
        }
        Value::Text(text, _) => out.push_str(&quoted(text)),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
        Value::Null => {}
    }
    out.push('\n');
}

/// Whether a text of several lines can be a literal block.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.chars().any(|c| {
            (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        })
        && text.lines().all(|line| !line.trim_start_matches(' ').starts_with('\t'))
}

fn block(out: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    out.push_str(match ends {
        0 => "|-\n",
        1 => "|\n",
        _ => "|+\n",
    });
    for line in body.split('\n') {
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent + 2));
            out.push_str(line);
        }
        out.push('\n');
    }
    for _ in 1..ends {
        out.push('\n');
    }
}

/// Whether a plain text means the same wherever we put it: never in a flow list, and in one line.
fn is_plain(text: &str) -> bool {
    !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !text.starts_with(['&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '#', ',', '[', ']', '{', '}', ' '])
        && !text.starts_with("- ")
        && !text.starts_with("? ")
        && !text.contains(char::is_control)
        && !matches!(text, "-" | "?" | "---" | "...")
}

fn quoted(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '$' | '.' | '_'))
        && is_plain(text)
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str())
        && !text.starts_with('.');
    if is_word {
        return text.to_owned();
    }
    if !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{85}')) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn key(text: &str) -> String {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '(' | ')');
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '.'))
        && text.chars().all(is_good)
        && !text.ends_with(' ');
    // `on` is a key of GitHub, and plain there; as a key it is a text in every reader that matters.
    if is_name { text.to_owned() } else { quoted_key(text) }
}

/// Returns a text as an item of a list in brackets, where a comma or a brace would end it.
pub(crate) fn in_brackets(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_word { key(text) } else { quoted_key(text) }
}

fn quoted_key(text: &str) -> String {
    let written = quoted(text);
    match written.starts_with(['\'', '"']) {
        true => written,
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::in_brackets;

    #[test]
    fn what_is_in_brackets_stays_one_item() {
        for text in ["build", "a-b_c", "${{ secrets.X }}  steps", "a, b", "it's", "", "a]", "1", "true", "a\nb", " a"] {
            let list = format!("[{}, b]", in_brackets(text));
            let read: Vec<String> = serde_saphyr::from_str(&list).unwrap_or_else(|error| panic!("{list}: {error}"));
            assert_eq!(read, [text, "b"], "{list}");
        }
    }
}
