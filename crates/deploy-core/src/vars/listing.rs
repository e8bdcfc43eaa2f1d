//! Which variables and secrets does a stage have, where does each come from, and who gets it? By name,
//! for people. Plain values are in it, values of secrets never.

use serde::Serialize;

use super::edit;
use crate::desired::{DesiredError, Explained, Setting, explain};
use crate::manifest::{Manifest, Stage};

/// A name, and everything that a stage's containers get under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Name.
    pub name: String,
    /// Who gets what: one for each different value. One without containers is declared, and reaches none.
    pub settings: Vec<Given>,
}

/// What some containers get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Given {
    /// Plain, or a secret.
    pub kind: Secrecy,
    /// The plain value; none for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Key of the stage's JSON secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// ARN of a secret or parameter of its own.
    #[serde(rename = "valueFrom", skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Where that is written: a path in the manifest.
    pub from: String,
    /// The line of it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Where it is written too, but overridden.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<String>,
    /// Containers that get it, `service/container`; a schedule's name for its own.
    pub containers: Vec<String>,
}

/// Whether a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Secrecy {
    /// It is in the manifest and in the task definition.
    Plain,
    /// It is in Secrets Manager.
    Secret,
}

/// Returns the variables and secrets of a stage by name; with a container, those that it gets.
///
/// # Errors
/// The stage does not exist.
pub fn list(
    manifest: &Manifest,
    text: &str,
    stage: &str,
    container: Option<&str>,
) -> Result<Vec<Listed>, DesiredError> {
    let mut names: Vec<Listed> = Vec::new();
    for said in explain(manifest, stage)? {
        if container.is_some_and(|container| container != said.container) {
            continue;
        }
        let shown = if said.owner == said.container {
            said.owner.clone()
        } else {
            format!("{}/{}", said.owner, said.container)
        };
        let given = given(text, said.setting.clone(), said.from.0.clone(), over(&said));
        let listed = entry(&mut names, &said.name);
        match listed.settings.iter_mut().find(|known| Given { containers: Vec::new(), ..(*known).clone() } == given) {
            Some(known) => known.containers.push(shown),
            None => listed.settings.push(Given { containers: vec![shown], ..given }),
        }
    }
    if container.is_none() {
        let none = Stage::default();
        let own = manifest.stages.get(stage).unwrap_or(&none);
        let mut declared = |name: &str, setting: Setting, from: String| {
            let listed = entry(&mut names, name);
            if listed.settings.is_empty() {
                listed.settings.push(given(text, setting, from, Vec::new()));
            }
        };
        for (at, variables, secrets) in [
            (format!("stages.{stage}."), &own.variables, &own.secrets),
            (String::new(), &manifest.variables, &manifest.secrets),
        ] {
            variables
                .iter()
                .for_each(|(name, v)| declared(name, Setting::Plain(v.value()), format!("{at}variables.{name}")));
            secrets.iter().for_each(|(name, secret)| {
                let key = || Setting::Key(secret.key.clone().unwrap_or_else(|| name.to_owned()));
                let setting = secret.from.clone().map_or_else(key, Setting::From);
                declared(name, setting, format!("{at}secrets.{name}"));
            });
        }
    }
    names.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(names)
}

fn entry<'a>(names: &'a mut Vec<Listed>, name: &str) -> &'a mut Listed {
    let at = names.iter().position(|listed| listed.name == name).unwrap_or_else(|| {
        names.push(Listed { name: name.to_owned(), settings: Vec::new() });
        names.len() - 1
    });
    &mut names[at]
}

fn over(said: &Explained) -> Vec<String> {
    said.over.iter().map(|place| place.0.clone()).collect()
}

fn given(text: &str, setting: Setting, from: String, over: Vec<String>) -> Given {
    let kind = if matches!(setting, Setting::Plain(_)) { Secrecy::Plain } else { Secrecy::Secret };
    let (value, key, arn) = match setting {
        Setting::Plain(value) => (Some(value), None, None),
        Setting::Key(key) => (None, Some(key), None),
        Setting::From(arn) => (None, None, Some(arn)),
        Setting::Part { database, part } => (None, Some(format!("databases/{database}:{part}")), None),
    };
    let line = edit::line(text, &from);
    Given { kind, value, key, arn, from, line, over, containers: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"app = "demo"

[variables]
DEBUG = "False"
SHADE = { value = "dark", containers = ["web"] }

[secrets]
KEY = {}
IDLE = { containers = [] }

[services.app.containers.web]
image = "i:1"
[services.app.containers.web.variables]
DEBUG = "True"
[services.app.containers.worker]
image = "i:1"

[schedules.tick]
image = "i:1"
schedule = "rate(5 minutes)"

[stages.prod.variables]
SHADE = "light"
"#;

    fn check(stage: &str, container: Option<&str>, expected: &[&str]) {
        let manifest = crate::parse("managr.toml", TEXT).unwrap();
        let listed = list(&manifest, TEXT, stage, container).unwrap();
        let one = |listed: &Listed| {
            let settings = listed.settings.iter().map(|given| {
                let what = given.value.clone().or_else(|| given.key.as_ref().map(|key| format!("key {key}")));
                format!(
                    "{} {}:{} [{}]",
                    what.unwrap_or_default(),
                    given.from,
                    given.line.unwrap_or(0),
                    given.containers.join(" ")
                )
            });
            format!("{} = {}", listed.name, settings.collect::<Vec<_>>().join(" | "))
        };
        assert_eq!(listed.iter().map(one).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_name_is_told_once_with_everybody_who_gets_it() {
        check(
            "local",
            None,
            &[
                "DEBUG = True services.app.containers.web.variables.DEBUG:14 [app/web] | False variables.DEBUG:4 [app/worker tick]",
                "IDLE = key IDLE secrets.IDLE:9 []",
                "KEY = key KEY secrets.KEY:8 [app/web app/worker tick]",
                "SHADE = dark variables.SHADE:5 [app/web]",
            ],
        );
        check(
            "prod",
            Some("web"),
            &[
                "DEBUG = True services.app.containers.web.variables.DEBUG:14 [app/web]",
                "KEY = key KEY secrets.KEY:8 [app/web]",
                "SHADE = light stages.prod.variables.SHADE:23 [app/web]",
            ],
        );
    }

    #[test]
    fn json_has_no_member_for_what_is_not_there() {
        let manifest = crate::parse("managr.toml", TEXT).unwrap();
        let listed = list(&manifest, TEXT, "prod", Some("worker")).unwrap();
        insta::assert_snapshot!(serde_json::to_string(&listed).unwrap(), @r#"[{"name":"DEBUG","settings":[{"kind":"plain","value":"False","from":"variables.DEBUG","line":4,"containers":["app/worker"]}]},{"name":"KEY","settings":[{"kind":"secret","key":"KEY","from":"secrets.KEY","line":8,"containers":["app/worker"]}]}]"#);
    }
}
