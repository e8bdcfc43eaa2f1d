//! `managr vars import`: the variables of a file.

use std::path::PathBuf;

use deploy::vars::Hidden;
use deploy_core::vars::dotenv;
use deploy_core::vars::edit::{Scope, Wanted};
use deploy_core::vars::incoming::{self, Incoming, Why};
use deploy_core::vars::listing::Given;
use deploy_core::vars::listing::Secrecy;

use super::home::{Changes, Home};
use super::keys::{self, Kept};
use super::manifest::{self, VariableEdit};
use super::reach::Written;
use super::{ask, file, reach, set, tracked};
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;

/// Take over the variables of a .env file
///
/// A name that the manifest declares keeps its kind. A new one becomes a secret if it looks like a credential, else a
/// plain variable, unless you give --secret or --plain. Shows what it would do, and asks.
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
    let asked = if args.secret { Some(Secrecy::Secret) } else { args.plain.then_some(Secrecy::Plain) };
    let text = manifest::text(&project)?;
    let stage_keys = if args.stage == "all" { Vec::new() } else { keys::all(&project, &text, &args.stage)? };
    let all = incoming::sort(&project.manifest, entries, asked);
    // A name that is the key of a declared secret is that secret's value, and no variable of its own.
    let (values, all): (Vec<Incoming>, Vec<Incoming>) = all.into_iter().partition(|variable| {
        incoming::declared(&project.manifest, &variable.name).is_none()
            && stage_keys.iter().any(|(_, key)| *key == variable.name)
    });
    all.iter().for_each(|variable| reach::tell_near(cx, &project, &variable.name));
    let secrets: Vec<&Incoming> = all.iter().filter(|variable| variable.sort == Secrecy::Secret).collect();
    if let Some(secret) = secrets.first().filter(|_| args.stage == "all") {
        return Err(Failure::new(format!(
            "{shown}:{}: {} is a secret, whose value belongs to one stage",
            secret.line, secret.name
        ))
        .hint("name the stage, or say --plain if it is none")
        .exit(Exit::Usage));
    }
    if !secrets.is_empty() || !values.is_empty() {
        tracked::tell_file(cx, &args.env_file);
    }
    let edits = edits(&args.stage, &all);
    let (declared, changes) = preview(cx, &project, &text, &edits)?;
    let count = all.len() + values.len();
    let given = [secrets, values.iter().collect()].concat();
    let home = if given.is_empty() { None } else { Some(Home::of(cx, &declared, &args.stage)?) };
    let sets = match &home {
        Some(home) => sets(cx, &declared, args, home, &given).await?,
        None => Vec::new(),
    };
    if sets.is_empty() && !changes {
        cx.ui.say(&format!("all of {shown} is so already; nothing was changed"));
        return Ok(Exit::Done);
    }
    ask::agree(&format!("take {} of {shown} over into {}?", counted(count), args.stage), args.yes)?;
    if let Some(home) = home.filter(|_| !sets.is_empty()) {
        tracked::tell(cx, &home);
        home.change(cx, &Changes { set: sets, unset: Vec::new() }).await?;
        cx.ui.say(&format!("values of secrets: {}", home.shown()));
    }
    let edited = manifest::write(&project, edits)?;
    if edited.iter().any(|edited| !edited.places.is_empty()) {
        cx.ui.say(&format!("names and plain values: {}", project.shown_path()));
    }
    refuse_unreached(&declared, args, &all)?;
    cx.ui.say(&format!("next: {}", set::next(&args.stage)));
    Ok(Exit::Done)
}

/// What reaches no container has not been taken over, whatever was written.
fn refuse_unreached(project: &Project, args: &ImportArgs, all: &[Incoming]) -> Result<(), Failure> {
    let reaches = |variable: &&Incoming| {
        let written = Written { stage: &args.stage, name: &variable.name, containers: &[] };
        let is_it = |given: &Given| match variable.sort {
            Secrecy::Plain => given.value.as_deref() == Some(&variable.value),
            Secrecy::Secret => given.value.is_none(),
        };
        reach::check(project, &project.text, &written, is_it).is_ok()
    };
    let missed: Vec<&str> = all.iter().filter(|one| !reaches(one)).map(|one| one.name.as_str()).collect();
    if missed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("no container of {} gets {}", args.stage, missed.join(", ")))
        .hint("they are written all the same; `managr vars list STAGE` shows who gets what")
        .exit(Exit::Refused))
}

/// Shows which secrets get which key's value; returns those that are not so already.
async fn sets(
    cx: &Context,
    project: &Project,
    args: &ImportArgs,
    home: &Home,
    secrets: &[&Incoming],
) -> Result<Vec<(String, Hidden)>, Failure> {
    let kept = home.values().await?;
    let mut sets: Vec<(String, Hidden)> = Vec::new();
    for secret in secrets {
        let key = match keys::of(project, &project.text, &args.stage, &secret.name, &[])? {
            Kept::Key(key) => key,
            Kept::Elsewhere { arn, .. } => {
                cx.ui.say(&format!("  secret  {}: its value is kept elsewhere ({arn}); left out", secret.name));
                continue;
            }
        };
        let value = Hidden::new(&secret.value);
        if let Some((_, other)) = sets.iter().find(|(known, _)| *known == key) {
            if *other != value {
                return Err(Failure::new(format!(
                    "line {}: {} is another value of the key {key}",
                    secret.line, secret.name
                ))
                .hint("the file has that key under two names, with different values: keep one")
                .exit(Exit::Usage));
            }
            continue;
        }
        let words = match kept.iter().find(|(name, _)| *name == key) {
            Some((_, there)) if *there == value => continue,
            Some(_) => "~ secret",
            None => "+ secret",
        };
        let why = match secret.why {
            Why::Looks(kind) => format!("  (looks like {kind})"),
            _ if key != secret.name => format!("  (key {key})"),
            _ => String::new(),
        };
        cx.ui.say(&format!("{words}  {}{why}", secret.name));
        sets.push((key, value));
    }
    Ok(sets)
}

fn edits<'a>(stage: &'a str, all: &'a [Incoming]) -> Vec<(Wanted<'a>, VariableEdit<'a>)> {
    let one = |variable: &'a Incoming| {
        let kind = match variable.sort {
            Secrecy::Secret => VariableEdit::Secret,
            Secrecy::Plain => VariableEdit::Plain(&variable.value),
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
    edits: &[(Wanted<'_>, VariableEdit<'_>)],
) -> Result<(Project, bool), Failure> {
    let (mut now, mut changes) = (text.to_owned(), false);
    for (wanted, kind) in edits {
        let edited = kind.make(project, &now, *wanted)?;
        changes |= !edited.places.is_empty();
        if let (VariableEdit::Plain(value), [place, ..]) = (kind, &edited.places[..]) {
            let mark = if manifest::is_there(&now, place) { '~' } else { '+' };
            cx.ui.say(&format!("{mark} plain   {} = {value:?}  ({place})", wanted.name));
        }
        now = edited.text;
    }
    Ok((manifest::after(project, &now)?, changes))
}

fn counted(number: usize) -> String {
    if number == 1 { "1 variable".to_owned() } else { format!("{number} variables") }
}
