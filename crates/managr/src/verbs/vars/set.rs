//! `managr vars set`: a variable or a secret gets a value.

use deploy::vars::Hidden;
use deploy_core::lint::credentials::looks_like;
use deploy_core::manifest::LOCAL;
use deploy_core::vars::edit::{Scope, Wanted};
use deploy_core::vars::listing::{self, Secrecy};

use super::home::{Changes, Home};
use super::keys::{self, Kept};
use super::manifest::{self, VariableEdit};
use super::reach::{self, Written};
use super::{ask, roll, tracked};
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::verbs::ship::ShipArgs;

/// Set a variable or a secret
///
/// A plain value is written into managr.toml: into `[variables]` for the stage `all`, into
/// `[stages.STAGE.variables]` for one stage. With --container a new name is for those containers
/// only, and a name that others have too gets another value there and nowhere else.
///
/// A secret is declared in `[secrets]`, and its value goes into the stage's secret in Secrets
/// Manager, or into the stage's `secrets-file`. It is asked for, or read with --stdin; it is never
/// an argument, because every process on the machine can read those.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr vars set all LOG_LEVEL=info\n  managr vars set staging LOG_LEVEL=debug\n  \
    managr vars set all WORKERS=4 --container worker\n  managr vars set prod STRIPE_KEY --secret\n  \
    op read op://prod/stripe | managr vars set prod STRIPE_KEY --secret --stdin --roll --yes"
)]
pub(super) struct SetArgs {
    /// Stage, or `all`
    stage: String,
    /// Name, and for a plain variable its value
    #[arg(value_name = "KEY[=VALUE]")]
    variable: String,
    /// Keep the value in Secrets Manager
    #[arg(long)]
    secret: bool,
    /// Container or schedule that gets it; may be repeated [default: all that inherit it]
    #[arg(long, value_name = "CONTAINER")]
    container: Vec<String>,
    /// Read the value from standard input, without its last newline
    #[arg(long)]
    stdin: bool,
    /// Deploy afterwards, with the images that run, so that running tasks see it
    #[arg(long)]
    roll: bool,
    #[command(flatten)]
    ship: ShipArgs,
}

pub(super) async fn run(cx: &Context, args: SetArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    if args.roll {
        if args.stage == "all" {
            let failure = Failure::new("--roll deploys one stage, not all of them");
            return Err(failure.hint("deploy them one after the other: `managr deploy STAGE`").exit(Exit::Usage));
        }
        args.ship.check()?;
    }
    let (name, value) = match args.variable.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (args.variable.as_str(), None),
    };
    let wanted = Wanted { scope: Scope::read(&args.stage), name, containers: &args.container };
    reach::tell_near(cx, &project, name);
    let is_secret = args.secret || is_declared_secret(&project, &args.stage, name)?;
    let forced = match is_secret {
        true => secret(cx, &project, &args, wanted, value).await?,
        false => {
            plain(cx, &project, &args, wanted, value)?;
            None
        }
    };
    if args.roll {
        return roll::run(cx, &args.stage, &args.ship, forced).await;
    }
    Ok(Exit::Done)
}

/// A name that is a secret already need not be called one.
fn is_declared_secret(project: &Project, stage: &str, name: &str) -> Result<bool, Failure> {
    let text = manifest::text(project)?;
    let stage = if stage == "all" { LOCAL } else { stage };
    let listed = listing::list(&project.manifest, &text, stage, None)?;
    let found = listed.into_iter().find(|listed| listed.name == name);
    Ok(found.is_some_and(|listed| listed.settings.iter().all(|given| given.kind == Secrecy::Secret)))
}

fn plain(
    cx: &Context,
    project: &Project,
    args: &SetArgs,
    wanted: Wanted<'_>,
    value: Option<&str>,
) -> Result<(), Failure> {
    let name = wanted.name;
    let value = match (value, args.stdin) {
        (Some(value), false) => value.to_owned(),
        (None, true) => ask::piped()?.expose().to_owned(),
        (Some(_), true) => {
            return Err(
                Failure::new(format!("{name} has two values: one as an argument, one with --stdin")).exit(Exit::Usage)
            );
        }
        (None, false) => {
            return Err(Failure::new(format!("{name} has no value"))
                .hint(format!(
                    "write `managr vars set {} {name}=VALUE`, or --secret for what must not be seen",
                    args.stage
                ))
                .exit(Exit::Usage));
        }
    };
    let edited = manifest::write(project, [(wanted, VariableEdit::Plain(&value))])?;
    let edited = edited.first().expect("one edit was asked for");
    let after = manifest::after(project, &edited.text)?;
    let written = Written { stage: &args.stage, name, containers: &args.container };
    let reaches = reach::check(&after, &edited.text, &written, |given| given.value.as_deref() == Some(value.as_str()));
    if edited.places.is_empty() {
        cx.ui.say(&format!("{name} is so already; nothing was changed"));
        return reaches;
    }
    manifest::say(cx, project, name, edited);
    if let Some(kind) = looks_like(name, &value) {
        cx.ui.say(&format!(
            "{name} looks like {kind}, and everyone who may describe the task can read it: a secret would hide it"
        ));
    }
    reaches?;
    let manifest = &after.manifest;
    let only_here = args.stage != "all"
        && !manifest.variables.contains(name)
        && edited.places.iter().any(|p| p.starts_with("stages."));
    if only_here {
        cx.ui.say(&format!("other stages have no {name}: `managr vars set all {name}=...` gives it to every one"));
    }
    if !args.roll {
        cx.ui.say(&format!("next: {}", next(&args.stage)));
    }
    Ok(())
}

/// Returns whether tasks that run must be replaced to see it.
async fn secret(
    cx: &Context,
    project: &Project,
    args: &SetArgs,
    wanted: Wanted<'_>,
    value: Option<&str>,
) -> Result<Option<deploy_core::plan::Force>, Failure> {
    let name = wanted.name;
    if value.is_some() {
        return Err(Failure::new(format!(
            "the value of {name} cannot be an argument: it is a secret, and every process can read arguments"
        ))
        .hint(format!(
            "type it when asked: `managr vars set {} {name} --secret`, or pipe it in with --stdin",
            args.stage
        ))
        .hint("what was typed is in the shell's history now: use another value")
        .exit(Exit::Usage));
    }
    if args.stage == "all" {
        return Err(Failure::new(format!("the value of {name} belongs to one stage: there is a secret for each"))
            .hint(format!("`managr vars set STAGE {name} --secret`; its declaration is for all of them"))
            .exit(Exit::Usage));
    }
    // What would be refused is refused before the user types a value.
    let text = manifest::text(project)?;
    refuse_key(project, &text, args, name)?;
    let edited = VariableEdit::Secret.make(project, &text, wanted)?;
    let declared = manifest::after(project, &edited.text)?;
    let key = match keys::of(&declared, &edited.text, &args.stage, name, &args.container)? {
        Kept::Key(key) => key,
        Kept::Elsewhere { arn, place } => return Err(keys::elsewhere(&declared, &edited.text, name, &arn, &place)),
    };
    let home = Home::of(cx, &declared, &args.stage)?;
    let value: Hidden =
        if args.stdin { ask::piped()? } else { ask::hidden(&format!("value of {name} in {}", args.stage))? };
    let changes = Changes { set: vec![(key.clone(), value)], unset: Vec::new() };
    let changed = home.change(cx, &changes).await?;
    tracked::tell(cx, &home);
    cx.ui.say(&format!("{name}: {} {key} in {}", if changed { "set" } else { "is so already:" }, home.shown()));
    let edited = manifest::write(project, [(wanted, VariableEdit::Secret)])?;
    let edited = edited.first().expect("one edit was asked for");
    manifest::say(cx, project, name, edited);
    let is_new = !edited.places.is_empty();
    if is_new {
        let stages = &declared.manifest.stages;
        let local = Some(LOCAL).filter(|local| !stages.contains(local));
        let others: Vec<&str> = stages.names().chain(local).filter(|stage| *stage != args.stage).collect();
        if !others.is_empty() {
            cx.ui.say(&format!(
                "it is declared for every stage: {} needs a value of its own before its next deploy",
                others.join(", ")
            ));
        }
    }
    let written = Written { stage: &args.stage, name, containers: &args.container };
    reach::check(&declared, &edited.text, &written, |given| given.key.as_deref() == Some(key.as_str()))?;
    let forced = (changed && !is_new).then_some(deploy_core::plan::Force::SecretRotated);
    if !args.roll {
        match forced {
            Some(_) => cx.ui.say(&format!(
                "tasks read secrets when they start; next, for those that run: managr deploy {} --force",
                args.stage
            )),
            None => cx.ui.say(&format!("next: {}", next(&args.stage))),
        }
    }
    Ok(forced)
}

/// Refuses a name that is no variable but the key that another one's value is kept under: it would be declared beside
/// that, and every container would get both.
fn refuse_key(project: &Project, text: &str, args: &SetArgs, name: &str) -> Result<(), Failure> {
    let all = keys::all(project, text, &args.stage)?;
    let is_declared = all.iter().any(|(known, _)| known == name);
    match all.iter().find(|(_, key)| key == name).filter(|_| !is_declared) {
        Some((variable, _)) => {
            Err(Failure::new(format!("{name} is the key that the value of {variable} is kept under"))
                .hint(format!("`managr vars set {} {variable} --secret` sets it", args.stage))
                .exit(Exit::Usage))
        }
        None => Ok(()),
    }
}

/// Returns the command that brings it to where it runs.
pub(super) fn next(stage: &str) -> String {
    match stage {
        "all" => "managr deploy STAGE".to_owned(),
        LOCAL => "managr up --detach".to_owned(),
        stage => format!("managr deploy {stage}"),
    }
}
