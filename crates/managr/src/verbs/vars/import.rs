//! `managr vars import`: the variables of a file.

use std::path::PathBuf;

use deploy::vars::Hidden;
use deploy_core::vars::dotenv;
use deploy_core::vars::edit::{Scope, Wanted};
use deploy_core::vars::incoming::{self, Incoming, Sort, Why};

use super::home::{Changes, Home};
use super::manifest::{self, Kind};
use super::{ask, file, set};
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;

/// Take over the variables of a .env file
///
/// A name that the manifest declares stays what it is. Another one is a secret if it looks like a
/// credential, and plain if not, unless --secret or --plain says. Shows what it would do, and asks.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr vars import staging .env\n  managr vars import prod secrets.env --secret --yes\n  \
    managr vars import all defaults.env --plain"
)]
pub(super) struct ImportArgs {
    /// Stage, or `all` for plain variables
    stage: String,
    /// File of NAME=value lines; `-` is standard input
    #[arg(value_name = "FILE")]
    env_file: PathBuf,
    /// Names that the manifest does not declare are secrets
    #[arg(long, conflicts_with = "plain")]
    secret: bool,
    /// Names that the manifest does not declare are plain variables
    #[arg(long)]
    plain: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(cx: &Context, args: &ImportArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let shown = args.env_file.display();
    let entries = dotenv::read(&file::given(&args.env_file)?)
        .map_err(|error| Failure::new(format!("{shown}: {error}")).exit(Exit::Usage))?;
    for entry in entries.iter().filter(|entry| entry.refers) {
        cx.ui.say(&format!("{shown}:{}: what follows the `$` in {} is taken as it is", entry.line, entry.name));
    }
    let asked = if args.secret { Some(Sort::Secret) } else { args.plain.then_some(Sort::Plain) };
    let all = incoming::sort(&project.manifest, entries, asked);
    let secrets: Vec<&Incoming> = all.iter().filter(|variable| variable.sort == Sort::Secret).collect();
    if let Some(secret) = secrets.first().filter(|_| args.stage == "all") {
        return Err(Failure::new(format!(
            "{shown}:{}: {} is a secret, whose value belongs to one stage",
            secret.line, secret.name
        ))
        .hint("name the stage, or say --plain if it is none")
        .exit(Exit::Usage));
    }
    let edits = edits(&args.stage, &all);
    let text = manifest::text(&project)?;
    let (declared, changes) = preview(cx, &project, &text, &edits)?;
    let home = if secrets.is_empty() { None } else { Some(Home::of(cx, &declared, &args.stage)?) };
    let kept = match &home {
        Some(home) => home.values().await?,
        None => Vec::new(),
    };
    let mut sets = Vec::new();
    for secret in secrets {
        let words = match kept.iter().find(|(name, _)| *name == secret.name) {
            Some((_, value)) if value.expose() == secret.value => continue,
            Some(_) => "~ secret",
            None => "+ secret",
        };
        let why = if let Why::Looks(kind) = secret.why { format!("  (looks like {kind})") } else { String::new() };
        cx.ui.say(&format!("{words}  {}{why}", secret.name));
        sets.push((secret.name.clone(), Hidden::new(&secret.value)));
    }
    if sets.is_empty() && !changes {
        cx.ui.say(&format!("all of {shown} is so already; nothing was changed"));
        return Ok(Exit::Done);
    }
    ask::agree(&format!("take {} of {shown} over into {}?", count(all.len()), args.stage), args.yes)?;
    if let Some(home) = home.filter(|_| !sets.is_empty()) {
        home.change(cx, &Changes { set: sets, unset: Vec::new() }).await?;
        cx.ui.say(&format!("values of secrets: {}", home.shown()));
    }
    let edited = manifest::write(&project, edits)?;
    if edited.iter().any(|edited| !edited.places.is_empty()) {
        cx.ui.say(&format!("names and plain values: {}", project.shown_path()));
    }
    cx.ui.say(&format!("next: {}", set::next(&args.stage)));
    Ok(Exit::Done)
}

fn edits<'a>(stage: &'a str, all: &'a [Incoming]) -> Vec<(Wanted<'a>, Kind<'a>)> {
    let one = |variable: &'a Incoming| {
        let kind = match variable.sort {
            Sort::Secret => Kind::Secret,
            Sort::Plain => Kind::Plain(&variable.value),
        };
        (Wanted { scope: Scope::read(stage), name: &variable.name, containers: &[] }, kind)
    };
    all.iter().map(one).collect()
}

/// Shows what the edits would do; returns the manifest after them, and whether it changes.
fn preview(
    cx: &Context,
    project: &Project,
    text: &str,
    edits: &[(Wanted<'_>, Kind<'_>)],
) -> Result<(Project, bool), Failure> {
    let (mut now, mut changes) = (text.to_owned(), false);
    for (wanted, kind) in edits {
        let edited = kind.make(project, &now, *wanted)?;
        changes |= !edited.places.is_empty();
        if let (Kind::Plain(value), [place, ..]) = (kind, &edited.places[..]) {
            let mark = if manifest::is_there(&now, place) { '~' } else { '+' };
            cx.ui.say(&format!("{mark} plain   {} = {value:?}  ({place})", wanted.name));
        }
        now = edited.text;
    }
    Ok((manifest::after(project, &now)?, changes))
}

fn count(number: usize) -> String {
    if number == 1 { "1 variable".to_owned() } else { format!("{number} variables") }
}
