//! How does Copilot read its texts? Variables of the manifest, command lines and ports.

use deploy_core::manifest::pattern::{STAGE, escaped};
use deploy_core::manifest::{LOCAL, Port, Protocol};

const APP: &str = "${COPILOT_APPLICATION_NAME}";
const ENVIRONMENT: &str = "${COPILOT_ENVIRONMENT_NAME}";

/// Returns whether the environment's name is a part of a text.
pub(super) fn names_the_stage(text: &str) -> bool {
    text.contains(ENVIRONMENT)
}

/// Returns a text with the names of the application and of the stage in it; what holds for all stages is read as the
/// local one's, which has nothing of its own.
pub(super) fn filled(text: &str, app: &str, stage: Option<&str>) -> String {
    let text = replaced(text, APP, app);
    let text = replaced(&text, ENVIRONMENT, stage.unwrap_or(LOCAL));
    text.replace("\\${", "${")
}

/// Returns a text for a place of the manifest that takes `{stage}`.
pub(super) fn pattern(text: &str, app: &str) -> String {
    let text = replaced(&escaped(text), APP, app);
    replaced(&text, ENVIRONMENT, STAGE).replace("\\${", "${")
}

/// A backslash before it makes it a text (copilot-cli, `manifest/interpolate.go`).
fn replaced(text: &str, name: &str, value: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        out.push_str(&rest[..at]);
        out.push_str(if out.ends_with('\\') { name } else { value });
        rest = &rest[at + name.len()..];
    }
    out + rest
}

/// Returns the first variable of the shell that Copilot would have been run in.
pub(super) fn of_a_shell(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(at) = text[from..].find("${").map(|at| from + at) {
        let name = text[at + 2..].split('}').next().unwrap_or_default();
        let is_name = !name.is_empty()
            && text[at + 2 + name.len()..].starts_with('}')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        let known = ["COPILOT_APPLICATION_NAME", "COPILOT_ENVIRONMENT_NAME"];
        if is_name && !text[..at].ends_with('\\') && !known.contains(&name) {
            return Some(name);
        }
        from = at + 2;
    }
    None
}

/// Returns a text with what only a shell knows as a name that no request has: a label of `.invalid` in a host (RFC 2606: it
/// "is intended for use in online construction of domain names that are sure to be invalid"), the variable's own elsewhere.
pub(super) fn stood_in(text: &str, is_host: bool) -> String {
    let mut text = text.to_owned();
    while let Some(name) = of_a_shell(&text).map(str::to_owned) {
        let label = name.to_ascii_lowercase().replace('_', "-");
        let by = if is_host { format!("{}.invalid", label.trim_matches('-')) } else { label };
        text = text.replace(&format!("${{{name}}}"), &by);
    }
    text
}

/// Returns the words of a command line, as a shell would split it.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('"') | None, '\\') => word.get_or_insert_default().push(chars.next()?),
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Reads `8080` and `8125/udp`.
pub(super) fn port(text: &str) -> Option<Port> {
    Port::read(text).ok()
}

/// Returns the port of TCP that a text names.
pub(super) fn tcp(text: &str) -> Option<u16> {
    port(text).filter(|port| port.protocol == Protocol::Tcp).map(|port| port.number)
}

#[cfg(test)]
mod tests {
    use super::{filled, of_a_shell, pattern, split, stood_in};

    #[test]
    fn names_are_filled_in_and_a_backslash_keeps_them() {
        let text = "/${COPILOT_APPLICATION_NAME}/${COPILOT_ENVIRONMENT_NAME}";
        assert_eq!(filled(text, "shop", Some("prod")), "/shop/prod");
        assert_eq!(filled(text, "shop", None), "/shop/local");
        assert_eq!(pattern(text, "shop"), "/shop/{stage}");
        assert_eq!(pattern("{stage}", "shop"), "{{stage}}");
        assert_eq!(
            filled("\\${COPILOT_APPLICATION_NAME} \\${HOME}", "shop", None),
            "${COPILOT_APPLICATION_NAME} ${HOME}"
        );
        assert_eq!(stood_in("web-${NOW}.${MY_DOMAIN}", true), "web-now.invalid.my-domain.invalid");
        assert_eq!(stood_in("v${NOW}/${COPILOT_ENVIRONMENT_NAME}", false), "vnow/${COPILOT_ENVIRONMENT_NAME}");
        assert_eq!(of_a_shell("a:${TAG}"), Some("TAG"));
        assert_eq!(of_a_shell("\\${TAG} ${COPILOT_ENVIRONMENT_NAME} ${"), None);
    }

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        let words = |line| split(line).map(|words| words.join("|"));
        assert_eq!(words("sh -c 'a b' \"c \\\" d\"  e\\ f").as_deref(), Some("sh|-c|a b|c \" d|e f"));
        assert_eq!(words("a ''").as_deref(), Some("a|"));
        assert_eq!(words("'a"), None);
    }
}
