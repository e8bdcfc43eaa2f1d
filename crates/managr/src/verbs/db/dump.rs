//! `managr db STAGE dump`: the whole database in a file that is either complete or not there.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use deploy::db::Relay;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Which;
use super::look::{connect, major};
use super::place::Place;
use super::pour::{Meter, Said};
use super::tools::{Door, find};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;

/// Write the database to a file
///
/// In pg_dump's own format, or as SQL without owners, rights and comments if the file is called `.sql`. The file appears once it is complete, readable by you
/// alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr db staging dump\n  managr db staging dump before.sql\n  \
    managr db staging dump - | ssh host 'cat > staging.dump'")]
pub(super) struct DumpArgs {
    /// File; `-` is standard output [default: APP-STAGE-TIME.dump]
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    overwrite: bool,
}

pub(super) async fn run(cx: &Context, stage: &str, which: &Which, args: &DumpArgs) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let place = Place::of(cx, stage, which)?;
    let file = match &args.path {
        Some(file) => file.clone(),
        None => {
            let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
            format!("{}-{stage}-{now}.dump", place.project.manifest.app).into()
        }
    };
    let is_output = file.as_os_str() == "-";
    if !is_output && !args.overwrite && file.exists() {
        let failure = Failure::new(format!("{} is there already", file.display())).exit(Exit::Usage);
        return Err(failure.hint("name another file, or give --overwrite"));
    }
    let reached = place.reach(cx).await?;
    let work = async {
        if is_output {
            write(cx, &reached.relay, tokio::io::stdout(), false).await
        } else {
            kept(cx, &reached.relay, &file).await
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = interrupts.next() => {
            if !is_output {
                let _ = std::fs::remove_file(beside(&file));
            }
            Err(Failure::new("interrupted; no file was written").exit(Exit::Interrupted))
        }
    };
    reached.close().await;
    let told = done?;
    let place = if is_output { String::new() } else { format!("{}: ", file.display()) };
    cx.ui.say(&format!("{place}{told}"));
    Ok(Exit::Done)
}

/// Returns the name that a file has until it is complete.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

async fn kept(cx: &Context, relay: &Relay, file: &Path) -> Result<String, Failure> {
    let wrong = |error: std::io::Error| Failure::new(format!("could not write {}: {error}", file.display()));
    let part = beside(file);
    let open = tokio::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part).await;
    let out = open.map_err(wrong)?;
    let synced = out.try_clone().await.map_err(wrong)?;
    let is_sql = file.extension().is_some_and(|extension| extension == "sql");
    let done = write(cx, relay, out, is_sql).await;
    let done = match done {
        // The name changes only once the bytes are on the disk.
        Ok(told) => synced.sync_all().await.and_then(|()| std::fs::rename(&part, file)).map(|()| told).map_err(wrong),
        Err(failure) => Err(failure),
    };
    if done.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    done
}

async fn write(
    cx: &Context,
    relay: &Relay,
    mut out: impl tokio::io::AsyncWrite + Unpin,
    is_sql: bool,
) -> Result<String, Failure> {
    let tools = find(major(&connect(relay).await?).await?).await?;
    let door = Door::open(relay)?;
    let mut command = door.command(tools.directory.join("pg_dump"), relay);
    // SQL is run as it is: owners, and comments of extensions, need rights that nobody has where it is restored.
    let format: &[&str] =
        if is_sql { &["--format=plain", "--no-owner", "--no-acl", "--no-comments"] } else { &["--format=custom"] };
    command.args(format);
    let mut dump = Said::start(command.stdin(Stdio::null()).stdout(Stdio::piped()), "pg_dump")?;
    let mut from = dump.child.stdout.take().expect("it is piped");
    let mut meter = Meter::new(cx, "dumped");
    let mut chunk = vec![0; 64 << 10];
    let wrong = |error: std::io::Error| Failure::new(format!("could not write the dump: {error}"));
    loop {
        let count = from.read(&mut chunk).await.map_err(wrong)?;
        if count == 0 {
            break;
        }
        out.write_all(&chunk[..count]).await.map_err(wrong)?;
        meter.add(count);
    }
    out.flush().await.map_err(wrong)?;
    dump.end().await?;
    Ok(meter.told())
}
