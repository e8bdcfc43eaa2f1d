//! One key of a compose file at a time: what the manifest says of it, and what is reported.

mod account;
mod anything;
mod containers;
mod environment;
mod files;
mod network;

use deploy_core::manifest::Container;
use deploy_core::{Facts, desired, parse};

use super::{Composed, read};
use crate::Folder;

/// Reads a compose file alone in its folder.
fn composed(text: &str) -> Composed {
    with(text, &[])
}

/// Reads a compose file with other files beside it. Whatever it says, a manifest comes of it that ECS takes.
fn with(text: &str, files: &[(&str, &str)]) -> Composed {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    let folder: Folder = files.iter().map(owned).chain([owned(&("compose.yml", text))]).collect();
    let composed = read(&folder, "compose.yml").unwrap_or_else(|error| panic!("{error}"));
    let written = crate::write::text(&composed.manifest, &[]);
    let manifest = parse("managr.toml", &written).unwrap_or_else(|errors| panic!("{:?}\n{written}", errors.errors()));
    assert_eq!(manifest, composed.manifest);
    assert_eq!(desired(&manifest, "local", &Facts::local("127.0.0.1:4566")).unwrap().refusals(), []);
    composed
}

/// Reads one service `a` of the image `x:1` with these lines.
fn service(lines: &str) -> Composed {
    let indented: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    composed(&format!("name: t\nservices:\n  a:\n    image: x:1\n{indented}"))
}

fn container<'a>(composed: &'a Composed, name: &str) -> &'a Container {
    composed.manifest.services.get("app").unwrap().containers.get(name).unwrap()
}

/// Checks what a container says, as TOML in one line, and what the import reports about the lines from the fifth on.
#[track_caller]
fn check(lines: &str, expected: &str, told: &[&str]) {
    let composed = service(lines);
    let mut own = container(&composed, "a").clone();
    own.image = String::new();
    let text = toml::to_string(&own).unwrap().replace("image = \"\"\n", "");
    let text = text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    assert_eq!(text, expected, "{lines}");
    assert_eq!(left(&composed), told, "{lines}");
}

/// Returns what was left as `line what: why`, without what it reports for every file.
fn left(composed: &Composed) -> Vec<String> {
    let usual = ["services.app.memory", "services.app.ingress"];
    let own = composed.left.iter().filter(|left| !usual.contains(&left.what.as_str()));
    own.map(|left| format!("{} {}: {}", left.place.line.unwrap_or(0), left.what, left.why)).collect()
}
