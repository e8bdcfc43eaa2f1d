//! `managr vars copy`: what one stage has of its own, in another.

use std::collections::BTreeSet;

use deploy_core::vars::edit::{Scope, Wanted};
use deploy_core::vars::incoming::{self, Sort};

use super::home::{Changes, Home};
use super::manifest::{self, Kind};
use super::{ask, set};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Copy variables and secrets from one stage to another
///
/// Plain variables of `[stages.FROM.variables]` and the values of secrets that the manifest declares.
/// What the other stage has already stays, unless --overwrite says otherwise. Shows the names, and asks;
/// values of secrets are never shown.
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
    /// Also what the other stage has already
    #[arg(long)]
    overwrite: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(cx: &Context, args: &CopyArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let (manifest, text) = (&project.manifest, manifest::text(&project)?);
    let names: BTreeSet<&str> = args.names.iter().map(String::as_str).collect();
    let is_meant = |name: &str| names.is_empty() || names.contains(name);
    let (from, to) = (Home::of(cx, &project, &args.from)?, Home::of(cx, &project, &args.to)?);
    if args.from == args.to {
        return Err(Failure::new("the two stages are one").exit(Exit::Usage));
    }
    let own = |stage: &str| manifest.stages.get(stage).map(|stage| stage.variables.clone()).unwrap_or_default();
    let (plain, has) = (own(&args.from), own(&args.to));
    let mut edits = Vec::new();
    let values: Vec<(String, String)> = plain.iter().map(|(name, v)| (name.to_owned(), v.value())).collect();
    let mut seen = BTreeSet::new();
    for (name, value) in values.iter().filter(|(name, _)| is_meant(name)) {
        seen.insert(name.as_str());
        let wanted = Wanted { scope: Scope::Stage(&args.to), name, containers: &[] };
        let there = has.contains(name);
        if Kind::Plain(value).make(&project, &text, wanted)?.places.is_empty() {
            continue;
        }
        cx.ui.say(&mark("plain ", name, there, args.overwrite));
        if !there || args.overwrite {
            edits.push((wanted, Kind::Plain(value)));
        }
    }
    let kept = to.values().await?;
    let mut changes = Changes::default();
    let found = from.values().await?;
    for (name, value) in found.iter().filter(|(name, _)| is_meant(name)) {
        let is_key = incoming::declared(manifest, name) == Some(Sort::Secret) || is_key(&project, &args.to, name)?;
        if !is_key && names.is_empty() {
            cx.ui.say(&format!("  secret  {name}: the manifest does not declare it; left out"));
            continue;
        }
        seen.insert(name.as_str());
        match kept.iter().find(|(known, _)| known == name) {
            Some((_, there)) if there == value => continue,
            there => {
                cx.ui.say(&mark("secret", name, there.is_some(), args.overwrite));
                if there.is_none() || args.overwrite {
                    changes.set.push((name.clone(), value.clone()));
                }
            }
        }
    }
    if let Some(missing) = names.iter().find(|name| !seen.contains(**name)) {
        return Err(Failure::new(format!("{} has no {missing} of its own", args.from))
            .hint(format!("`managr vars list {}` shows what there is", args.from))
            .exit(Exit::Usage));
    }
    if edits.is_empty() && changes.set.is_empty() {
        cx.ui.say("nothing to copy");
        return Ok(Exit::Done);
    }
    ask::agree(&format!("copy from {} to {}?", args.from, args.to), args.yes)?;
    if !changes.set.is_empty() {
        to.change(cx, &changes).await?;
        cx.ui.say(&format!("values of secrets: {}", to.shown()));
    }
    if !edits.is_empty() {
        manifest::write(&project, edits)?;
        cx.ui.say(&format!("plain values: {}", project.shown_path()));
    }
    cx.ui.say(&format!("next: {}", set::next(&args.to)));
    Ok(Exit::Done)
}

/// A secret's key may have another name than the variable.
fn is_key(project: &crate::context::Project, stage: &str, key: &str) -> Result<bool, Failure> {
    let desired = project.names(stage)?;
    Ok(desired.secret.is_some_and(|secret| secret.keys.iter().any(|known| known.key == key)))
}

fn mark(kind: &str, name: &str, is_there: bool, overwrites: bool) -> String {
    match (is_there, overwrites) {
        (false, _) => format!("+ {kind}  {name}"),
        (true, true) => format!("~ {kind}  {name}"),
        (true, false) => format!("  {kind}  {name}: is there, with another value; --overwrite replaces it"),
    }
}
