//! `managr db pull`: one stage's data in another stage's database, in one transaction.

use std::path::{Path, PathBuf};

use deploy_core::db::{Copied, Table, is_production, prelude};

use super::Which;
use super::look::{connect, major};
use super::place::Place;
use super::pour::{Pour, Source};
use super::restore::question;
use super::tools::{Door, find};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::verbs::vars::ask;

/// Copy one stage's database to another
///
/// Streamed, through the session of each stage where it needs one. One transaction, anonymising included: the target has
/// the whole new copy, or is as it was. Production is never a target, and asks as a source.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr db pull staging local\n  managr db pull staging local --tables products,prices\n  \
    managr db pull prod staging --anonymise anonymise.sql"
)]
pub(super) struct PullArgs {
    /// Stage to copy from
    source: String,
    /// Stage whose database is replaced
    target: String,
    /// Only these tables
    #[arg(long, value_name = "TABLES", value_delimiter = ',')]
    tables: Vec<String>,
    /// SQL that is run on the copy before anybody sees it
    #[arg(long, value_name = "FILE")]
    anonymise: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(cx: &Context, which: &Which, args: &PullArgs) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let usage = |words: String| Failure::new(words).exit(Exit::Usage);
    if args.source == args.target {
        return Err(usage("the two stages are one".to_owned()));
    }
    let tables = args.tables.iter().map(|name| Table::read(name)).collect::<Result<Vec<_>, _>>();
    let tables = tables.map_err(|error| Failure::from_error(error).exit(Exit::Usage))?;
    let after = args.anonymise.as_deref().map(read).transpose()?.unwrap_or_default();
    let project = cx.project()?;
    if is_production(&project.manifest, &args.target) {
        let failure = usage(format!("{} is production: nothing is pulled into it", args.target));
        return Err(failure.hint("`managr db STAGE restore FILE` replaces it knowingly"));
    }
    if which.secret.is_some() {
        return Err(usage("--secret names one database, and two are meant".to_owned()));
    }
    if is_production(&project.manifest, &args.source) {
        let plainly = if after.is_empty() { ", with the data of its users as it is," } else { "" };
        ask::agree(&format!("{} is production; copy it{plainly} to {}?", args.source, args.target), args.yes)?;
    }
    let (from, to) = (Place::of(cx, &args.source, which)?, Place::of(cx, &args.target, which)?);
    let from_there = from.reach(cx).await?;
    let done = match to.reach(cx).await {
        Ok(to_there) => {
            let done = async {
                let (source, target) = (&from_there.relay, &to_there.relay);
                let (old, new) = (connect(source).await?, connect(target).await?);
                let tools = find(major(&old).await?.max(major(&new).await?)).await?;
                let copied = if tables.is_empty() { Copied::All } else { Copied::Tables(&tables) };
                let agreed = match copied {
                    Copied::All => question(&to, &new, &format!("that of {}", args.source)).await?,
                    Copied::Tables(_) => format!("replace {} in {}?", args.tables.join(", "), args.target),
                };
                ask::agree(&agreed, args.yes)?;
                drop((old, new));
                let (out, into) = (Door::open(source)?, Door::open(target)?);
                let mut dump = out.command(tools.directory.join("pg_dump"), source);
                // A copy's owner is the target's own user; comments of extensions need more rights than anybody has.
                dump.args(["--format=plain", "--no-owner", "--no-acl", "--no-comments", "--encoding=UTF8"]);
                for table in &tables {
                    dump.arg(format!("--table={table}"));
                }
                dump.stdin(std::process::Stdio::null());
                let psql = into.command(tools.directory.join("psql"), target);
                let source = Source::Program(dump, "pg_dump");
                Pour { source, psql, before: prelude(copied), after }.run(cx, &mut interrupts).await
            };
            let done = done.await;
            to_there.close().await;
            done
        }
        Err(failure) => Err(failure),
    };
    from_there.close().await;
    cx.ui.say(&format!("pulled {} to {}: {}", args.source, args.target, done?));
    Ok(Exit::Done)
}

/// Reads SQL that belongs into the transaction, and refuses what would end it.
fn read(path: &Path) -> Result<String, Failure> {
    let wrong = |words: String| Failure::new(format!("{}{words}", path.display())).exit(Exit::Usage);
    let text = std::fs::read_to_string(path).map_err(|error| wrong(format!(" cannot be read: {error}")))?;
    if text.trim().is_empty() {
        return Err(wrong(" is empty: nothing would be anonymised".to_owned()));
    }
    match ends(&text) {
        Some((line, word)) => {
            let failure = wrong(format!(":{line}: `{word}` would leave the copy's transaction"));
            Err(failure.hint("write SQL only; all of it and the copy are committed together"))
        }
        None => Ok(text),
    }
}

/// Returns the first line that ends the transaction or is a command of psql, which could do both.
fn ends(text: &str) -> Option<(usize, String)> {
    const WORDS: [&str; 4] = ["COMMIT", "ROLLBACK", "ABORT", "PREPARE TRANSACTION"];
    text.lines().enumerate().find_map(|(at, line)| {
        let line = line.trim_start().to_ascii_uppercase();
        let is_word = |word: &str| {
            line.strip_prefix(word)
                .is_some_and(|rest| !rest.starts_with(|letter: char| letter == '_' || letter.is_alphanumeric()))
        };
        let word = WORDS.into_iter().find(|word| is_word(word)).map(str::to_owned);
        let command = || line.starts_with('\\').then(|| line.split_whitespace().next().unwrap_or("\\").to_lowercase());
        word.or_else(command).map(|word| (at + 1, word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_the_transaction_is_found() {
        for (text, expected) in [
            ("UPDATE users SET email = 'x';", None),
            ("UPDATE a;\n commit;", Some((2, "COMMIT"))),
            ("\\! rm -r x", Some((1, "\\!"))),
            ("DO $$ BEGIN\nEND $$;", None),
            ("UPDATE t SET\ncommit_id = 1;", None),
            ("ROLLBACK", Some((1, "ROLLBACK"))),
        ] {
            assert_eq!(ends(text), expected.map(|(line, word)| (line, word.to_owned())), "{text}");
        }
    }
}
