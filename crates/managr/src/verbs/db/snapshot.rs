//! `managr db STAGE snapshot|snapshots|rollback`: RDS's snapshots, here as on AWS.

use std::time::Duration;

use deploy::db::{RdsError, make_snapshot, restore, snapshots};
use deploy_core::db::{Snapshot, is_production, lost, newest, snapshot_name};
use serde::Serialize;

use super::Which;
use super::place::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::history;
use crate::ui::table::Table;
use crate::verbs::vars::ask;

/// How long RDS may take for a large instance.
const LIMIT: Duration = Duration::from_secs(2 * 3600);

/// Make a snapshot of the database
///
/// Waits until it is complete. Ctrl-C leaves it to be completed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr db staging snapshot\n  managr db prod snapshot before-import")]
pub(super) struct SnapshotArgs {
    /// Name [default: the instance and the time]
    name: Option<String>,
}

/// List the snapshots of the database
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr db staging snapshots\n  managr db staging snapshots --json | jq -r '.[-1].name'"
)]
pub(super) struct SnapshotsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Go back to a snapshot
///
/// Makes an instance of it beside the one that runs, which serves until then; then they change names. The old instance is
/// kept under another name. Says what would be lost, and asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr db staging rollback before-import\n  managr db staging rollback latest")]
pub(super) struct RollbackArgs {
    /// Snapshot, as `managr db STAGE snapshots` shows it; `latest` is the newest
    snapshot: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

fn stamp(now: i64) -> String {
    let now = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    now.strftime("%Y%m%d-%H%M%S").to_string()
}

fn failed(error: RdsError) -> Failure {
    match error {
        RdsError::Call(error) => error.into(),
        error => Failure::from_error(error),
    }
}

pub(super) async fn make(cx: &Context, stage: &str, which: &Which, args: &SnapshotArgs) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let place = Place::of(cx, stage, which)?;
    // The service's clock is learned from an answer.
    let instance = place.instance().await?;
    let name = snapshot_name(args.name.as_deref(), &instance.id, "at", &stamp(place.client.now()));
    let name = name.map_err(|error| Failure::from_error(error).exit(Exit::Usage))?;
    let work = make_snapshot(&place.client, &instance.id, &name, LIMIT, |words| cx.ui.say(&format!("{name}: {words}")));
    tokio::select! {
        made = work => drop(made.map_err(failed)?),
        () = interrupts.next() => {
            let failure = Failure::new(format!("interrupted; snapshot {name} goes on by itself"));
            return Err(failure.hint(format!("`managr db {stage} snapshots` shows it")).exit(Exit::Interrupted));
        }
    }
    cx.ui.data(&name);
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

pub(super) async fn list(cx: &Context, stage: &str, which: &Which, args: &SnapshotsArgs) -> Result<Exit, Failure> {
    let place = Place::of(cx, stage, which)?;
    let found = snapshots(&place.client, place.instance_id()?).await?;
    if args.json {
        let shown = found.iter().map(|one| Shown {
            name: &one.id,
            available: one.is_available,
            at: one.at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok()).map(|at| at.to_string()),
        });
        cx.ui.json(&shown.collect::<Vec<_>>());
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        cx.ui.say(&format!("{} has no snapshots; `managr db {stage} snapshot` makes one", place.name));
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["SNAPSHOT", "MADE", "STATE"], |text| cx.ui.out.dim(text));
    for one in &found {
        let state = if one.is_available { "available" } else { "not complete" };
        table.row([one.id.as_str().into(), one.at.map_or("-".to_owned(), history::when).into(), state.into()]);
    }
    cx.ui.data(&table.render());
    Ok(Exit::Done)
}

/// Returns the snapshot that is meant.
fn chosen<'a>(found: &'a [Snapshot], wanted: &str, stage: &str) -> Result<&'a Snapshot, Failure> {
    let hint = format!("`managr db {stage} snapshots` lists them");
    if wanted == "latest" {
        return newest(found).ok_or_else(|| Failure::new("there is no complete snapshot").hint(hint));
    }
    let Some(one) = found.iter().find(|one| one.id == wanted) else {
        let near = deploy_core::suggest::nearest(wanted, found.iter().map(|one| one.id.as_str()));
        let hint = near.map_or(hint, |near| format!("did you mean `{near}`?"));
        return Err(Failure::new(format!("there is no snapshot `{wanted}`")).hint(hint).exit(Exit::Usage));
    };
    match one.is_available {
        true => Ok(one),
        false => Err(Failure::new(format!("snapshot `{wanted}` is not complete")).hint(hint)),
    }
}

pub(super) async fn rollback(cx: &Context, stage: &str, which: &Which, args: &RollbackArgs) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let place = Place::of(cx, stage, which)?;
    let instance = place.instance().await?;
    let found = snapshots(&place.client, &instance.id).await?;
    let snapshot = chosen(&found, &args.snapshot, stage)?;
    let now = place.client.now();
    let production = if is_production(&place.project.manifest, stage) { ", production," } else { "" };
    cx.ui.say(&format!("going back to {} loses {}", snapshot.id, lost(snapshot.at, now)));
    cx.ui.say(&format!("{} serves until the other is available; what is written until then is lost, too", instance.id));
    ask::agree(&format!("bring {} of {stage}{production} back to {}?", place.name, snapshot.id), args.yes)?;
    let (client, id, at) = (&place.client, &snapshot.id, stamp(now));
    let work = restore(client, &instance, id, &at, LIMIT, |words| cx.ui.say(words));
    let restored = tokio::select! {
        restored = work => restored.map_err(failed)?,
        () = interrupts.next() => {
            let failure = Failure::new("interrupted; instances of both kinds may be there").exit(Exit::Interrupted);
            return Err(failure.hint(format!("those that end with {at} were made or renamed by this")));
        }
    };
    cx.ui.say(&format!("{} is as it was in {}; the old one is {}", instance.id, snapshot.id, restored.before));
    cx.ui.say(&format!(
        "once nothing of it is missed: `aws rds delete-db-instance --db-instance-identifier {}`",
        restored.before
    ));
    Ok(Exit::Done)
}
