//! Which variables does a compose service give its container, and which of them are secrets?

use super::account::{Word, segments};
use super::dotenv;
use super::file_variables;
use super::source::{Source, is_sensitive, pairs};
use super::yaml::{Member, Node, Value, get};
use crate::Place;
use crate::ledger::Account;

/// A variable of a container.
#[derive(Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    /// The value; a secret may have none.
    pub(super) value: Option<String>,
    pub(super) is_secret: bool,
    pub(super) place: Place,
    /// Where it stands in the compose file.
    pub(super) node: Node,
}

/// Returns the variables, each once: those of `env_file` first, `environment` over them.
pub(super) fn environment(source: &mut Source<'_>, entries: &[Member], path: &str) -> Vec<Variable> {
    let mut variables: Vec<Variable> = Vec::new();
    for node in get(entries, "env_file").map(Node::one_or_many).unwrap_or_default() {
        env_file(source, node, &format!("{path}.env_file"), &mut variables);
    }
    for pair in get(entries, "environment").map(pairs).unwrap_or_default() {
        let here = format!("{path}.environment.{}", pair.name);
        let place = source.place(pair.line);
        let known = source.known.get(&pair.name).cloned();
        // Without a value it is that of the shell, or of `.env`; an empty one may be that of a variable that is not there.
        let is_missing = pair.value.is_none() || (pair.is_unset && pair.value.as_deref() == Some(""));
        let (value, is_secret) = match (pair.value, known) {
            (value, _) if !is_missing => (value, pair.is_secret),
            (_, Some(known)) if !pair.is_unset => (Some(known.value), known.is_secret),
            (_, _) if is_sensitive(&pair.name, "a value") => {
                let why =
                    "its value comes from the shell that runs Compose: `managr vars set STAGE NAME --secret` stores it";
                source.leave_at(here.clone(), place.clone(), why);
                (None, true)
            }
            (Some(_), _) => (Some(String::new()), false),
            (None, _) => {
                let why = "its value comes from the shell that runs Compose, so it was not carried";
                source.leave_at(here, place, why);
                variables.retain(|known| known.name != pair.name);
                continue;
            }
        };
        source.claim(&pair.node, words(&pair.name), None);
        let written = pair.node.written.as_ref();
        let is_secret = is_secret || written.is_some_and(|written| is_sensitive(&pair.name, &written.text));
        let variable = Variable { name: pair.name, value, is_secret, place, node: pair.node };
        put(source, &mut variables, variable, &here);
    }
    from_files(source, &mut variables, entries, path);
    variables
}

fn put(source: &mut Source<'_>, variables: &mut Vec<Variable>, mut variable: Variable, here: &str) {
    let mut bytes = variable.name.bytes();
    let is_name = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if !is_name {
        return source.leave_at(here, variable.place, "the manifest takes names of letters, digits and underscores");
    }
    variable.is_secret |= variable.value.as_deref().is_some_and(|value| is_sensitive(&variable.name, value));
    match variables.iter_mut().find(|known| known.name == variable.name) {
        Some(known) => *known = variable,
        None => variables.push(variable),
    }
}

fn env_file(source: &mut Source<'_>, node: &Node, here: &str, variables: &mut Vec<Variable>) {
    let Some(name) = node.text().or_else(|| node.get("path")?.text()) else {
        return source.leave(here, node.line, "it does not say which file");
    };
    let format = node.get("format").and_then(Node::text);
    let is_required = node.get("required").is_none_or(Node::is_true);
    let Some(path) = source.path(&name) else {
        return source.leave(
            here,
            node.line,
            format!("`{name}` is outside of the folder, so its variables are missing"),
        );
    };
    let named = |source: &mut Source<'_>, words: Vec<Word>, otherwise: &str| {
        let otherwise = Some(Account::Default(otherwise.to_owned()));
        match node.get("path") {
            Some(path) => source.claim(path, words, otherwise),
            None => source.claim(node, words, otherwise),
        }
    };
    for (key, whose) in [("required", "it is there, or not needed"), ("format", "how it was read")] {
        if let Some(option) = node.get(key) {
            source.is_default(option, whose);
        }
    }
    let Some(text) = source.text_of(&path) else {
        if !is_required {
            named(source, Vec::new(), "it is not there, and need not be");
        }
        if is_required {
            source.leave(here, node.line, format!("`{path}` is not there, so its variables are missing"));
        }
        return;
    };
    if format.as_deref().is_some_and(|format| format != "raw") {
        source.leave(format!("{here}.format"), node.line, "the specification knows `raw` only");
    }
    let (lines, wrong) = dotenv::read(text, format.as_deref() == Some("raw"), &source.known, is_sensitive);
    for (line, why) in wrong {
        source.leave_at(here, Place { source: path.clone(), line: Some(line) }, why);
    }
    named(source, lines.iter().flat_map(|line| words(&line.name)).collect(), "it has no variables");
    for line in lines {
        let place = Place { source: path.clone(), line: Some(line.line) };
        let here = format!("{here}.{}", line.name);
        match line.value {
            Some(filled) => {
                if let Some(why) = &filled.wrong {
                    source.leave_at(here.clone(), place.clone(), why.clone());
                }
                for unset in &filled.unset {
                    let why = format!("${{{unset}}} has no value, so it was read as if it were empty");
                    source.leave_at(here.clone(), place.clone(), why);
                }
                let is_secret = !filled.secrets.is_empty();
                put(
                    source,
                    variables,
                    Variable { name: line.name, value: Some(filled.text), is_secret, place, node: node.clone() },
                    &here,
                );
            }
            // Without `=` the variable is unset.
            None => variables.retain(|known| known.name != line.name),
        }
    }
}

/// Returns the words that a variable of this name may be.
fn words(name: &str) -> Vec<Word> {
    [
        Word::Container(segments(&["variables", name])),
        Word::Container(segments(&["secrets", name])),
        Word::Manifest(segments(&["variables", name])),
        Word::Manifest(segments(&["secrets", name])),
    ]
    .into()
}

/// `NAME_FILE=/run/secrets/x` of an image that reads it is a secret NAME here: ECS hands secrets over as variables.
///
/// Whether any other image would read NAME is unknown: the variable stays, and its file is listed.
fn from_files(source: &mut Source<'_>, variables: &mut [Variable], entries: &[Member], path: &str) {
    let granted: Vec<(String, String)> = get(entries, "secrets").map(granted).unwrap_or_default();
    let is_built = get(entries, "build").is_some_and(|build| !matches!(build.value, Value::Null));
    let image = get(entries, "image").and_then(Node::text).filter(|_| !is_built).unwrap_or_default();
    for variable in variables.iter_mut() {
        let Some(name) = variable.name.strip_suffix("_FILE").map(str::to_owned) else { continue };
        let Some(file) = variable.value.clone() else { continue };
        let Some((secret, _)) = granted.iter().find(|(_, target)| *target == file) else { continue };
        let here = format!("{path}.environment.{}", variable.name);
        if !file_variables::reads_file_of(&image, &name) {
            let why = format!(
                "ECS hands secrets over as variables, and there is no `{file}`: if the image reads {name} too, declare \
                 it in [secrets]"
            );
            source.leave_at(here, variable.place.clone(), why);
            continue;
        }
        let why = format!(
            "ECS hands secrets over as variables: {name} is the secret `{secret}` now, which this image takes too"
        );
        source.leave_at(here, variable.place.clone(), why);
        source.claim(&variable.node, words(&name), None);
        source.used.insert(secret.clone(), words(&name));
        let (place, node) = (variable.place.clone(), variable.node.clone());
        *variable = Variable { value: source.secret(secret), name, is_secret: true, place, node };
    }
}

/// Returns the secrets that a service is granted, and at which path.
fn granted(node: &Node) -> Vec<(String, String)> {
    node.items().iter().filter_map(granted_by).collect()
}

fn granted_by(item: &Node) -> Option<(String, String)> {
    let source = item.text().or_else(|| item.get("source")?.text())?;
    let target = item.get("target").and_then(Node::text).unwrap_or_else(|| source.clone());
    Some((source, if target.starts_with('/') { target } else { format!("/run/secrets/{target}") }))
}

/// Lists the secrets of a service that are handed over as files, and that no variable has become.
pub(super) fn leave_secrets(source: &mut Source<'_>, node: &Node, here: &str) {
    for (item, (secret, target)) in node.items().iter().filter_map(|item| Some((item, granted_by(item)?))) {
        let whole = [Some(item), item.get("source"), item.get("target")];
        if let Some(words) = source.used.get(&secret).cloned() {
            whole.into_iter().flatten().for_each(|node| source.claim(node, words.clone(), None));
            for node in [item.get("uid"), item.get("gid"), item.get("mode")].into_iter().flatten() {
                source.is_default(node, "there is no file whose they could be");
            }
            continue;
        }
        let why = format!(
            "ECS hands secrets over as variables, not as the file `{target}`: read a variable, declared in [secrets]"
        );
        for node in whole.into_iter().chain([item.get("uid"), item.get("gid"), item.get("mode")]).flatten() {
            source.claim(node, Vec::new(), Some(Account::Listed(why.clone())));
        }
        source.leave(format!("{here}.{secret}"), item.line, why);
    }
}

/// Lists commands and checks that read a secret's file themselves: there is none, and a check that reads it never passes.
pub(super) fn leave_readers(source: &mut Source<'_>, entries: &[Member], path: &str) {
    let Some(secrets) = get(entries, "secrets") else { return };
    for key in ["command", "entrypoint", "healthcheck"] {
        let Some(node) = get(entries, key) else { continue };
        let node = if key == "healthcheck" { node.get("test").unwrap_or(node) } else { node };
        let texts: Vec<String> = node.one_or_many().iter().filter_map(|item| item.text()).collect();
        for (_, target) in granted(secrets) {
            if texts.iter().any(|text| text.contains(&target)) {
                let why =
                    format!("it reads `{target}`, and ECS makes no such file: let it read a variable of [secrets]");
                source.leave(format!("{path}.{key}"), node.line, why);
            }
        }
    }
}
