//! `managr vars list`: which variables and secrets a stage has.

use std::collections::BTreeMap;

use deploy::vars::Hidden;
use deploy_core::vars::listing::{self, Listed, Secrecy};
use serde_json::{Value, json};

use super::home::Home;
use super::{ask, manifest};
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};

/// List a stage's variables and secrets
///
/// Shows where each is written, and which containers get it. A name with different values in different containers has a
/// line for each. Values of secrets are read and shown only with --reveal.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr vars list staging\n  managr vars list staging --container worker\n  \
    managr vars list prod --json | jq '.[].name'")]
pub(super) struct ListArgs {
    /// Stage
    stage: String,
    /// Container or schedule: what it gets
    #[arg(long, value_name = "CONTAINER")]
    container: Option<String>,
    /// Show the values of secrets too
    #[arg(long)]
    reveal: bool,
    /// Do not ask before they are shown
    #[arg(short, long, requires = "reveal")]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(cx: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let text = manifest::text(&project)?;
    let listed = listing::list(&project.manifest, &text, &args.stage, args.container.as_deref())?;
    check_container(&project, args.container.as_deref())?;
    let values = match args.reveal {
        true => revealed(cx, &project, &args.stage, args.yes).await?,
        false => BTreeMap::new(),
    };
    if args.json {
        cx.ui.json(&documents(&listed, &values));
    } else if listed.is_empty() {
        cx.ui.say(&format!("{} has no variables", args.stage));
    } else {
        cx.ui.data(&table(cx, &project.shown_path(), &listed, args.reveal.then_some(&values)));
    }
    Ok(Exit::Done)
}

/// Refuses a container that the manifest does not know.
///
/// # Errors
/// Names the one that may be meant.
pub(super) fn check_container(project: &Project, container: Option<&str>) -> Result<(), Failure> {
    let Some(container) = container else { return Ok(()) };
    let services = project.manifest.services.iter().flat_map(|(_, service)| service.containers.names());
    let known: Vec<&str> = services.chain(project.manifest.schedules.names()).collect();
    if known.contains(&container) {
        return Ok(());
    }
    let hint = match deploy_core::suggest::nearest(container, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    Err(Failure::new(format!("the manifest has no container `{container}`")).hint(hint).exit(Exit::Usage))
}

/// Returns the values of a stage's secrets by key, once the person agrees.
///
/// # Errors
/// When they do not, or cannot be asked.
pub(super) async fn revealed(
    cx: &Context,
    project: &Project,
    stage: &str,
    yes: bool,
) -> Result<BTreeMap<String, Hidden>, Failure> {
    ask::agree(&format!("show the values of {stage}'s secrets?"), yes)?;
    Ok(Home::of(cx, project, stage)?.values().await?.into_iter().collect())
}

fn documents(listed: &[Listed], values: &BTreeMap<String, Hidden>) -> Value {
    let mut documents = json!(listed);
    for (document, listed) in documents.as_array_mut().into_iter().flatten().zip(listed) {
        for (at, given) in listed.settings.iter().enumerate() {
            if let Some(value) = given.key.as_ref().and_then(|key| values.get(key)) {
                document["settings"][at]["value"] = json!(value.expose());
            }
        }
    }
    documents
}

fn table(cx: &Context, file: &str, listed: &[Listed], values: Option<&BTreeMap<String, Hidden>>) -> String {
    let paint = cx.ui.out;
    let mut table = Table::new(["NAME", "KIND", "VALUE", "FROM", "CONTAINERS"], |text| paint.dim(text));
    for name in listed {
        for given in &name.settings {
            let line = given.line.map_or_else(|| given.from.clone(), |line| format!("{file}:{line}"));
            let from = match given.from.split_once('.') {
                Some(("stages", rest)) => format!("{line} (stage {})", rest.split('.').next().unwrap_or_default()),
                Some(("services" | "schedules", _)) => format!("{line} (its own)"),
                _ => line,
            };
            let (kind, value) = match (given.kind, values) {
                (Secrecy::Plain, _) => {
                    (Cell::from("plain"), one_line(given.value.as_deref().unwrap_or_default()).into())
                }
                (Secrecy::Secret, shown) => {
                    let kept = given.arn.clone().or_else(|| given.key.as_ref().map(|key| format!("key {key}")));
                    let value = shown.zip(given.key.as_ref()).map(|(values, key)| match values.get(key) {
                        Some(value) => one_line(value.expose()),
                        None => "(no value)".to_owned(),
                    });
                    let words = value.unwrap_or_else(|| kept.unwrap_or_default());
                    (Cell::painted("secret", |text| paint.yellow(text)), Cell::from(words))
                }
            };
            let containers = if given.containers.is_empty() { "none".to_owned() } else { given.containers.join(" ") };
            table.row([name.name.as_str().into(), kind, value, from.into(), containers.into()]);
        }
    }
    table.render()
}

/// Returns a value as it fits into a line.
fn one_line(value: &str) -> String {
    value.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
}
