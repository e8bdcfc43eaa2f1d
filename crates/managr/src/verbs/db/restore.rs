//! `managr db STAGE restore`: a dump in the place of what is there, all of it or nothing.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use deploy::db::Relay;
use deploy_core::db::{Copied, SIZE, is_production, prelude};

use super::Which;
use super::amount::bytes;
use super::look::{connect, major, told};
use super::place::Place;
use super::pour::{Pour, Source};
use super::tools::{Door, find};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::verbs::vars::ask;

/// Replace what is in the database by a dump
///
/// One transaction: when it fails or is interrupted, the database is as it was. Extensions stay; owners and rights of the
/// dump are not taken over.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr db local restore staging.dump\n  managr db staging restore before.sql --yes"
)]
pub(super) struct RestoreArgs {
    /// File that `managr db STAGE dump` or pg_dump wrote
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// pg_dump's own format.
    Custom,
    Sql,
}

/// Returns what a file is, by how it begins.
fn kind(start: &[u8]) -> Result<Kind, &'static str> {
    match start {
        [] => Err("is empty"),
        [b'P', b'G', b'D', b'M', b'P', ..] => Ok(Kind::Custom),
        [0x1f, 0x8b, ..] => Err("is compressed; `gunzip` it first"),
        text if text.contains(&0) => Err("is neither a dump of pg_dump nor SQL"),
        _ => Ok(Kind::Sql),
    }
}

fn look(path: &Path) -> Result<Kind, Failure> {
    let wrong = |words: String| Failure::new(format!("{} {words}", path.display())).exit(Exit::Usage);
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    file.take(4096).read_to_end(&mut start).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    kind(&start).map_err(|words| wrong(words.to_owned()))
}

pub(super) async fn run(cx: &Context, stage: &str, which: &Which, args: &RestoreArgs) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let kind = look(&args.path)?;
    let place = Place::of(cx, stage, which)?;
    let reached = place.reach(cx).await?;
    let done = pour(cx, &place, &reached.relay, kind, args, &mut interrupts).await;
    reached.close().await;
    cx.ui.say(&format!("restored {}: {}", args.path.display(), done?));
    Ok(Exit::Done)
}

async fn pour(
    cx: &Context,
    place: &Place,
    relay: &Relay,
    kind: Kind,
    args: &RestoreArgs,
    interrupts: &mut Interrupts,
) -> Result<String, Failure> {
    let client = connect(relay).await?;
    let tools = find(major(&client).await?).await?;
    ask::agree(&question(place, &client, &args.path.display().to_string()).await?, args.yes)?;
    drop(client);
    let door = Door::open(relay)?;
    let open =
        || std::fs::File::open(&args.path).map_err(|error| Failure::new(format!("{}: {error}", args.path.display())));
    let source = match kind {
        Kind::Sql => Source::File(tokio::fs::File::from_std(open()?)),
        Kind::Custom => {
            let mut restore = door.command(tools.directory.join("pg_restore"), relay);
            restore.args(["--file=-", "--no-owner", "--no-acl", "--no-comments"]).stdin(Stdio::from(open()?));
            Source::Program(restore, "pg_restore")
        }
    };
    let psql = door.command(tools.directory.join("psql"), relay);
    Pour { source, psql, before: prelude(Copied::All), after: String::new() }.run(cx, interrupts).await
}

/// Returns what a person agrees to: what is lost, and how much that is.
pub(super) async fn question(place: &Place, client: &tokio_postgres::Client, by: &str) -> Result<String, Failure> {
    let row = client.query_one(SIZE, &[]).await.map_err(|error| told(&error))?;
    let size: i64 = row.get("bytes");
    let production = if is_production(&place.project.manifest, &place.stage) { ", PRODUCTION," } else { "" };
    let size = bytes(u64::try_from(size).unwrap_or_default());
    Ok(format!("replace all that is in {} of {}{production} ({size}) by {by}?", place.name, place.stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_how_it_begins() {
        assert_eq!(kind(b"PGDMP\x01\x0e"), Ok(Kind::Custom));
        assert_eq!(kind(b"-- dump\nSELECT 1;"), Ok(Kind::Sql));
        for wrong in [&b""[..], b"\x1f\x8b\x08", b"MZ\0\0"] {
            assert!(kind(wrong).is_err());
        }
    }
}
