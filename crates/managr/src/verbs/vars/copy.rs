//! `managr vars copy`: what one stage has of its own, in another.

use std::collections::BTreeSet;

use deploy_core::vars::edit::{Scope, Wanted};

use super::home::{Changes, Home};
use super::keys::{self, Kept};
use super::manifest::{self, VariableEdit};
use super::{ask, set};
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;

/// Copy variables and secrets from one stage to another
///
/// Copies plain variables of `[stages.FROM.variables]` and the values of secrets that the manifest declares. Values
/// that the other stage already has stay, unless you give --overwrite. Shows the names, and asks; values of secrets are
/// never shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr vars copy staging preview\n  managr vars copy staging prod STRIPE_KEY\n  \
    managr vars copy prod staging --overwrite --yes")]
pub(super) struct CopyArgs {
    /// Stage to copy from
    from: String,
    /// Stage to copy to
    to: String,
    /// Names [default: all that FROM has of its own]
    names: Vec<String>,
    /// Also replace values that the other stage has
    #[arg(long)]
    overwrite: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(cx: &Context, args: &CopyArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let (from, to) = (Home::of(cx, &project, &args.from)?, Home::of(cx, &project, &args.to)?);
    if args.from == args.to {
        return Err(Failure::new("the two stages are one").exit(Exit::Usage));
    }
    let mut seen = BTreeSet::new();
    let values = plain(cx, &project, args, &mut seen)?;
    let changes = secrets(cx, &project, args, (&from, &to), &mut seen).await?;
    if let Some(missing) = args.names.iter().find(|name| !seen.contains(*name)) {
        return Err(Failure::new(format!("{} has no {missing} of its own", args.from))
            .hint(format!("`managr vars list {}` shows what there is", args.from))
            .exit(Exit::Usage));
    }
    if values.is_empty() && changes.set.is_empty() {
        cx.ui.say("nothing to copy");
        return Ok(Exit::Done);
    }
    ask::agree(&format!("copy from {} to {}?", args.from, args.to), args.yes)?;
    if !changes.set.is_empty() {
        to.change(cx, &changes).await?;
        cx.ui.say(&format!("values of secrets: {}", to.shown()));
    }
    if !values.is_empty() {
        manifest::write(&project, values.iter().map(|(name, value)| (wanted(args, name), VariableEdit::Plain(value))))?;
        cx.ui.say(&format!("plain values: {}", project.shown_path()));
    }
    cx.ui.say(&format!("next: {}", set::next(&args.to)));
    Ok(Exit::Done)
}

impl CopyArgs {
    fn means(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|known| known == name)
    }
}

fn wanted<'a>(args: &'a CopyArgs, name: &'a str) -> Wanted<'a> {
    Wanted { scope: Scope::Stage(&args.to), name, containers: &[] }
}

/// Shows the plain variables that one stage has of its own; returns those that are to be written for the other.
fn plain(
    cx: &Context,
    project: &Project,
    args: &CopyArgs,
    seen: &mut BTreeSet<String>,
) -> Result<Vec<(String, String)>, Failure> {
    let text = manifest::text(project)?;
    let own = |stage: &str| project.manifest.stages.get(stage).map(|stage| stage.variables.clone()).unwrap_or_default();
    let (from, to) = (own(&args.from), own(&args.to));
    let mut values = Vec::new();
    for (name, variable) in from.iter().filter(|(name, _)| args.means(name)) {
        seen.insert(name.to_owned());
        let (value, is_there) = (variable.value(), to.contains(name));
        if VariableEdit::Plain(&value).make(project, &text, wanted(args, name))?.places.is_empty() {
            continue;
        }
        cx.ui.say(&mark("plain ", name, is_there, args.overwrite));
        if !is_there || args.overwrite {
            values.push((name.to_owned(), value));
        }
    }
    Ok(values)
}

/// Shows the secrets by name; returns what is to be written.
async fn secrets(
    cx: &Context,
    project: &Project,
    args: &CopyArgs,
    (from, to): (&Home, &Home),
    seen: &mut BTreeSet<String>,
) -> Result<Changes, Failure> {
    let text = manifest::text(project)?;
    let of_from = keys::all(project, &text, &args.from)?;
    let (found, kept) = (from.values().await?, to.values().await?);
    let mut changes = Changes::default();
    for (key, value) in &found {
        // Whose value it is: a key may have another name than its variable, and another one in each stage.
        let variables: Vec<&str> =
            of_from.iter().filter(|(_, known)| known == key).map(|(variable, _)| variable.as_str()).collect();
        let said = variables.iter().copied().chain([key.as_str()]).filter(|name| args.means(name));
        let said: Vec<&str> = said.collect();
        if said.is_empty() {
            continue;
        }
        if args.names.is_empty() && variables.is_empty() {
            cx.ui.say(&format!("  secret  {key}: the manifest does not declare it; left out"));
            continue;
        }
        seen.extend(said.into_iter().map(str::to_owned));
        let mut keys: Vec<String> = Vec::new();
        for variable in variables {
            match keys::of(project, &text, &args.to, variable, &[])? {
                Kept::Key(key) if !keys.contains(&key) => keys.push(key),
                Kept::Key(_) => {}
                Kept::Elsewhere { arn, .. } => {
                    cx.ui.say(&format!("  secret  {variable}: {} has its value elsewhere ({arn}); left out", args.to));
                }
            }
        }
        if of_from.iter().all(|(_, known)| known != key) {
            keys.push(key.clone());
        }
        for name in keys {
            let there = kept.iter().find(|(known, _)| *known == name);
            if there.is_some_and(|(_, there)| there == value) {
                continue;
            }
            cx.ui.say(&mark("secret", &name, there.is_some(), args.overwrite));
            if there.is_none() || args.overwrite {
                changes.set.push((name, value.clone()));
            }
        }
    }
    Ok(changes)
}

fn mark(kind: &str, name: &str, is_there: bool, overwrites: bool) -> String {
    match (is_there, overwrites) {
        (false, _) => format!("+ {kind}  {name}"),
        (true, true) => format!("~ {kind}  {name}"),
        (true, false) => format!("  {kind}  {name}: is there, with another value; --overwrite replaces it"),
    }
}
