//! `managr vars export`: variables as a file.

use clap::ValueEnum;
use deploy_core::vars::dotenv;
use deploy_core::vars::listing::{self, Secrecy};
use serde_json::{Map, Value};

use super::list::{check_container, revealed};
use super::manifest;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Print a stage's variables as a file
///
/// Secrets are named in comments (in JSON: as null), and their values are read and printed only with --reveal.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr vars export staging\n  managr vars export staging --container worker --format json\n  \
    eval \"$(managr vars export local --format shell --reveal --yes)\""
)]
pub(super) struct ExportArgs {
    /// Stage
    stage: String,
    /// Container or schedule: exactly what it gets
    #[arg(long, value_name = "CONTAINER")]
    container: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Print the values of secrets too
    #[arg(long)]
    reveal: bool,
    /// Do not ask before they are printed
    #[arg(short, long, requires = "reveal")]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// `NAME=value`, as Docker Compose reads it
    #[default]
    Dotenv,
    /// An object
    Json,
    /// `export NAME='value'`, for a POSIX shell
    Shell,
}

/// A variable, and its value as far as it is shown.
struct Line {
    name: String,
    value: Option<String>,
    why: String,
}

pub(super) async fn run(cx: &Context, args: &ExportArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let text = manifest::text(&project)?;
    let listed = listing::list(&project.manifest, &text, &args.stage, args.container.as_deref())?;
    check_container(&project, args.container.as_deref())?;
    let several = listed.iter().filter(|listed| listed.settings.len() > 1).map(|listed| listed.name.as_str());
    let several: Vec<&str> = several.collect();
    if !several.is_empty() {
        return Err(Failure::new(format!("containers get different values of {}", several.join(", ")))
            .hint("say whose with --container")
            .exit(Exit::Usage));
    }
    let values = match args.reveal {
        true => Some(revealed(cx, &project, &args.stage, args.yes).await?),
        false => None,
    };
    let lines = listed.into_iter().filter_map(|listed| {
        let given = listed.settings.into_iter().next()?;
        let (value, why) = match (given.kind, given.key, &values) {
            (Secrecy::Plain, ..) => (given.value, String::new()),
            (Secrecy::Secret, Some(key), Some(values)) => {
                (values.get(&key).map(|value| value.expose().to_owned()), "a secret without a value".to_owned())
            }
            (Secrecy::Secret, Some(_), None) => (None, "a secret: --reveal prints it".to_owned()),
            (Secrecy::Secret, None, _) => (None, format!("kept elsewhere: {}", given.arn.unwrap_or_default())),
        };
        Some(Line { name: listed.name, value, why })
    });
    cx.ui.exact(&written(args.format, &lines.collect::<Vec<_>>()));
    Ok(Exit::Done)
}

fn written(format: Format, lines: &[Line]) -> String {
    if format == Format::Json {
        let member = |line: &Line| (line.name.clone(), line.value.clone().map_or(Value::Null, Value::String));
        let members: Map<String, Value> = lines.iter().map(member).collect();
        return serde_json::to_string_pretty(&members).expect("our own values have string keys");
    }
    let line = |Line { name, value, why }: &Line| match (value, format) {
        (None, _) => format!("# {name} is {why}\n"),
        (Some(value), Format::Shell) => format!("export {name}='{}'\n", value.replace('\'', "'\\''")),
        (Some(value), _) => format!("{name}={}\n", dotenv::quote(value)),
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_quotes_as_its_readers_do() {
        let line = |name: &str, value: Option<&str>| Line {
            name: name.into(),
            value: value.map(str::to_owned),
            why: "hidden".into(),
        };
        let lines = [line("A", Some("it's $5\n")), line("B", None), line("C", Some(""))];
        assert_eq!(written(Format::Dotenv, &lines), "A=\"it's \\$5\\n\"\n# B is hidden\nC=\n");
        assert_eq!(written(Format::Shell, &lines), "export A='it'\\''s $5\n'\n# B is hidden\nexport C=''\n");
        let json: Value = serde_json::from_str(&written(Format::Json, &lines)).unwrap();
        assert_eq!(json, serde_json::json!({"A": "it's $5\n", "B": null, "C": ""}));
    }
}
