//! What does a command become in a container whose image, or whose definition, has an ENTRYPOINT? It becomes that
//! program's arguments, and a program that does not look at them starts what it always starts.
//!
//! An override of ECS has a command and no entry point (API reference, ContainerOverride): another one is a
//! definition of its own.

use aws_model::Document;
use serde_json::{Value, json};

use crate::exec::quote::quoted;

/// Programs that run their arguments and are documented to: init processes, what changes users or variables, and the
/// launcher of Cloud Native Buildpacks.
const LAUNCHERS: [&str; 12] = [
    "tini",
    "tini-static",
    "docker-init",
    "dumb-init",
    "catatonit",
    "gosu",
    "su-exec",
    "setpriv",
    "env",
    "exec",
    "launcher",
    // Docker's guide to official images: the script ends in `exec "$@"`.
    "docker-entrypoint.sh",
];
/// Of those, the ones whose first argument is a user.
const OF_USERS: [&str; 2] = ["gosu", "su-exec"];
/// Options of those that have a value of their own.
const WITH_VALUE: [&str; 6] = ["-p", "-e", "-r", "--rewrite", "-u", "-C"];
const SHELLS: [&str; 5] = ["sh", "bash", "ash", "dash", "zsh"];

/// Where an entry point was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In the image's configuration.
    Image,
    /// In the container's definition, which wins over the image's.
    Definition,
}

/// What becomes of a command behind an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It runs: nothing is in front of it, or only what runs its arguments.
    Runs,
    /// It is a program's arguments; what that makes of them, only the program knows.
    Arguments,
    /// It is lost: a shell's text stands in front, and never looks at arguments.
    Lost,
}

/// Returns the ENTRYPOINT of an image's configuration; empty if it has none.
pub fn of_config(config: &Value) -> Vec<String> {
    let words = config.pointer("/config/Entrypoint").and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Returns the entry point of a container's definition; empty if it leaves that to the image.
pub fn of_container(container: &Document) -> Vec<String> {
    let words = container.get("entryPoint").and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Returns what becomes of a command behind an entry point.
pub fn way(entrypoint: &[String]) -> Way {
    let words: Vec<&str> = entrypoint.iter().map(String::as_str).collect();
    way_of(&words)
}

fn way_of(words: &[&str]) -> Way {
    let Some((program, rest)) = words.split_first() else { return Way::Runs };
    let name = program.rsplit('/').next().unwrap_or(program);
    if LAUNCHERS.contains(&name) {
        return way_of(behind_options(rest, OF_USERS.contains(&name)));
    }
    if SHELLS.contains(&name)
        && let Some(text) = shell_text(rest)
    {
        // `$0` and on are the words behind the text.
        let looks = ["$@", "$*", "${@", "${*", "$#"].iter().any(|sign| text.contains(sign))
            || text
                .match_indices('$')
                .any(|(at, _)| text[at + 1..].trim_start_matches('{').starts_with(|c: char| c.is_ascii_digit()));
        return if looks { Way::Arguments } else { Way::Lost };
    }
    Way::Arguments
}

/// Returns the words behind a launcher's own options.
fn behind_options<'w, 'a>(mut words: &'w [&'a str], has_user: bool) -> &'w [&'a str] {
    while let Some((first, rest)) = words.split_first() {
        words = match *first {
            "--" => return rest,
            option if WITH_VALUE.contains(&option) => rest.get(1..).unwrap_or_default(),
            option if option.starts_with('-') || (option.contains('=') && !option.starts_with('/')) => rest,
            _ if has_user => return rest,
            _ => return words,
        };
    }
    words
}

/// Returns the text of `sh -c TEXT`.
fn shell_text<'a>(words: &[&'a str]) -> Option<&'a str> {
    let at = words.iter().position(|word| {
        word.strip_prefix('-').is_some_and(|letters| !letters.starts_with('-') && letters.contains('c'))
    })?;
    words[..at].iter().all(|word| word.starts_with('-')).then(|| words.get(at + 1).copied())?
}

/// Returns what is to be known of a command before it runs behind an entry point; none if it simply runs. `replace`
/// says how another entry point is given.
pub fn told(entrypoint: &[String], source: Source, command: &[String], replace: &str) -> Option<String> {
    let whose = match source {
        Source::Image => "its image",
        Source::Definition => "its definition",
    };
    let line = |words: &[String]| quoted(words.iter().map(String::as_str));
    match way(entrypoint) {
        Way::Runs => None,
        Way::Arguments => Some(format!(
            "{whose} has an ENTRYPOINT, and the command is its arguments: `{}`; a program that does not look at them \
             starts what it always starts; {replace}",
            line(&[entrypoint, command].concat())
        )),
        Way::Lost => Some(format!(
            "{whose} has an ENTRYPOINT that never looks at arguments: `{}` would run, and the command would not; {replace}",
            line(entrypoint)
        )),
    }
}

/// Puts another entry point into a container's definition, and returns the arguments that are left for it. An empty
/// one is none: the command itself is the program.
///
/// The definition has no command of its own then: Docker drops the image's CMD with its ENTRYPOINT.
pub fn replace<'c>(container: &mut Document, entrypoint: &[String], command: &'c [String]) -> &'c [String] {
    let (program, rest) = match (entrypoint, command) {
        ([], [program, rest @ ..]) => (std::slice::from_ref(program), rest),
        _ => (entrypoint, command),
    };
    container.insert("entryPoint".to_owned(), json!(program));
    container.shift_remove("command");
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| (*word).to_owned()).collect()
    }

    fn check(entrypoint: &[&str], expected: Way) {
        assert_eq!(way(&words(entrypoint)), expected, "{entrypoint:?}");
    }

    #[test]
    fn what_runs_its_arguments_is_no_news() {
        check(&[], Way::Runs);
        check(&["/usr/bin/tini", "--"], Way::Runs);
        check(&["/sbin/tini", "-g", "-p", "SIGTERM", "--"], Way::Runs);
        check(&["dumb-init", "--rewrite", "15:3", "--"], Way::Runs);
        check(&["/sbin/tini", "--", "/docker-entrypoint.sh"], Way::Runs);
        check(&["docker-entrypoint.sh"], Way::Runs);
        check(&["/cnb/lifecycle/launcher"], Way::Runs);
        check(&["env", "A=1"], Way::Runs);
        check(&["gosu", "app"], Way::Runs);
    }

    #[test]
    fn what_stands_in_front_is_told() {
        check(&["/start"], Way::Arguments);
        check(&["/sbin/tini", "--", "/start"], Way::Arguments);
        check(&["gosu", "app", "/start"], Way::Arguments);
        check(&["env", "A=1", "/start"], Way::Arguments);
        check(&["python3", "manage.py"], Way::Arguments);
        check(&["/bin/sh"], Way::Arguments);
        check(&["/bin/sh", "start.sh", "-c"], Way::Arguments);
        check(&["sh", "-c", "exec \"$@\"", "--"], Way::Arguments);
        check(&["sh", "-ec", "run ${1:-web}"], Way::Arguments);
    }

    #[test]
    fn a_shells_text_that_has_no_arguments_loses_the_command() {
        check(&["/bin/sh", "-c", "gunicorn app:app --bind 0.0.0.0:$PORT"], Way::Lost);
        check(&["bash", "-lc", "/start"], Way::Lost);
        check(&["tini", "--", "sh", "-c", "/start"], Way::Lost);
    }

    #[test]
    fn the_whole_command_line_is_told() {
        let command = words(&["manage.py", "migrate", "a b"]);
        let said = told(&words(&["/start"]), Source::Image, &command, "say --entrypoint").unwrap();
        assert!(said.contains("`/start manage.py migrate 'a b'`") && said.ends_with("say --entrypoint"), "{said}");
        let said = told(&words(&["sh", "-c", "/start"]), Source::Definition, &command, "x").unwrap();
        assert!(said.starts_with("its definition has") && said.contains("`sh -c /start` would run"), "{said}");
        assert_eq!(told(&[], Source::Image, &command, "x"), None);
        assert_eq!(of_config(&json!({"config": {"Entrypoint": ["/a", "b"]}})), ["/a", "b"]);
        assert!(of_config(&json!({"config": {"Entrypoint": null}})).is_empty());
    }

    #[test]
    fn another_entry_point_takes_the_place_of_both() {
        let replaced = |entrypoint: &[&str], command: &[&str]| {
            let mut container = json!({"name": "a", "command": ["serve"], "entryPoint": ["/start"]});
            let container = container.as_object_mut().unwrap();
            let command = words(command);
            let rest = replace(container, &words(entrypoint), &command).join(" ");
            (container["entryPoint"].clone(), container.contains_key("command"), rest)
        };
        assert_eq!(replaced(&[], &["migrate", "now"]), (json!(["migrate"]), false, "now".to_owned()));
        assert_eq!(replaced(&[], &["migrate"]), (json!(["migrate"]), false, String::new()));
        assert_eq!(replaced(&["sh", "-c"], &["a b"]), (json!(["sh", "-c"]), false, "a b".to_owned()));
    }
}
