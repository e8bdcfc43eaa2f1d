//! `managr platform install` and `uninstall`: the platform at every boot, as a unit of systemd.

use std::path::PathBuf;

use platform::EngineKind;

use super::{Engine, HowArgs, WhereArgs, arguments, listen_address};
use crate::context::Context;
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::systemd::Unit;
use crate::systemd::unit::{Author, Lasting, author};

/// Start the platform now and at every boot
///
/// Writes a unit of systemd, enables and starts it. A platform that runs already on the data directory
/// is taken over: its containers and the load balancer go on meanwhile. Safe to repeat.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct InstallArgs {
    /// Show the unit and stop
    #[arg(long)]
    print: bool,
    /// Replace a unit that was changed by hand, or that is not ours
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    how: HowArgs,
}

/// What is to be done about a unit's file.
#[derive(Debug, PartialEq, Eq)]
enum Move {
    /// It says what it should.
    Keep,
    /// It is not there, or says what we once wrote.
    Write,
    /// Another author's text would be lost.
    Refuse(Author),
}

/// Decides about a unit's file from what it says and what it should say.
fn next_move(there: Option<&str>, wanted: &str, force: bool) -> Move {
    match there {
        Some(text) if text == wanted => Move::Keep,
        Some(text) if !force && author(text) != Author::Ours => Move::Refuse(author(text)),
        _ => Move::Write,
    }
}

pub(super) async fn install(cx: &Context, args: &InstallArgs) -> Result<Exit, Failure> {
    let data_dir = args.how.place.settle();
    let listen = listen_address(cx.endpoint())?;
    let program = program()?;
    let mut words = vec!["platform".to_owned(), "serve".to_owned()];
    words.extend(arguments(&args.how, &listen));
    if args.print {
        let text = Unit::named(&data_dir).render(Lasting::Always, &program, &words).map_err(Failure::from_error)?;
        cx.ui.data(text.trim_end());
        return Ok(Exit::Done);
    }
    let unit = Unit::of(&data_dir).ok_or_else(refusal)?;
    let text = unit.render(Lasting::Always, &program, &words).map_err(Failure::from_error)?;
    let file = unit.installed();
    let found = unit.installed_text();
    let change = next_move(found.as_deref(), &text, args.force);
    if let Move::Refuse(author) = change {
        let whose = if author == Author::Edited { "was changed by hand" } else { "is not ours" };
        return Err(Failure::new(format!("{} {whose}", file.display()))
            .hint(format!("keep the change in a drop-in (`systemctl edit {}`)", unit.name))
            .hint("then replace the file: `managr platform install --force`"));
    }
    let engine = EngineKind::from(args.how.engine.unwrap_or(Engine::Native));
    if change == Move::Keep && unit.is_active() && daemon::running(&data_dir).is_some() {
        unit.enable().map_err(Failure::from_error)?;
        cx.ui.say(&format!("{} is installed already and runs", unit.name));
        return Ok(Exit::Done);
    }
    daemon::ensure_private(&data_dir)?;
    // A platform that runs now ends; its tasks go on, and the unit's platform takes them over.
    let took_over = daemon::stop(&data_dir).await?;
    unit.write(Lasting::Always, &text).map_err(Failure::from_error)?;
    unit.remove_until_boot().map_err(Failure::from_error)?;
    unit.enable().map_err(Failure::from_error)?;
    cx.ui.say(&format!("wrote {}; it starts at every boot", file.display()));
    let endpoint = cx.endpoint().to_owned();
    daemon::start(&daemon::Start { arguments: words, data_dir, endpoint }).await.map_err(|failure| {
        failure.hint(format!("{} stays installed; `managr platform uninstall` takes it away", unit.name))
    })?;
    let how = if took_over { "took over what ran" } else { "runs" };
    cx.ui.say(&format!("the platform {how} at {} ({} engine)", cx.endpoint(), engine.as_str()));
    cx.ui.say(&format!("its log: journalctl --unit {}", unit.name));
    Ok(Exit::Done)
}

pub(super) async fn uninstall(cx: &Context, args: &WhereArgs) -> Result<Exit, Failure> {
    let data_dir = args.settle();
    let unit = Unit::of(&data_dir).ok_or_else(refusal)?;
    if unit.installed_text().is_none() {
        cx.ui.say(&format!("{} is not installed", unit.name));
        return Ok(Exit::Done);
    }
    let ran = daemon::stop(&data_dir).await?;
    for (path, author) in unit.remove().map_err(Failure::from_error)? {
        let changed = if author == Author::Ours { "" } else { ", which was changed by hand" };
        cx.ui.say(&format!("removed {}{changed}", path.display()));
    }
    let stopped = if ran { "the platform has stopped; " } else { "" };
    cx.ui.say(&format!("{stopped}containers that run and {} stay", data_dir.display()));
    cx.ui.say("go on with `managr platform start`, or remove all of it with `managr platform purge`");
    Ok(Exit::Done)
}

/// Returns this program's path; one that was replaced meanwhile has none that a boot would find.
fn program() -> Result<PathBuf, Failure> {
    let unknown = |error: std::io::Error| Failure::new(format!("could not tell the path of this program: {error}"));
    let program = std::env::current_exe().map_err(unknown)?;
    if program.exists() {
        return Ok(program);
    }
    Err(Failure::new(format!("this program is not at {} any more", program.display())).hint("run the new one"))
}

fn refusal() -> Failure {
    if nix::unistd::geteuid().is_root() {
        return Failure::new("there is no systemd here that could start the platform")
            .hint("let this machine's own init run `managr platform serve` at boot")
            .hint("for now: `managr platform start`");
    }
    Failure::new("a unit of the system may be installed by root only")
        .hint("run it with sudo: `sudo managr platform install`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systemd::unit::{Wanted, render};

    fn unit(argument: &str) -> String {
        let wanted = Wanted {
            lasting: Lasting::Always,
            program: "/usr/bin/managr",
            arguments: &[argument.to_owned()],
            data_dir: "/var/lib/managr",
            log: "/var/lib/managr/platform.log",
            environment: "/var/lib/managr/platform.env",
        };
        render(&wanted).unwrap()
    }

    #[test]
    fn what_somebody_wrote_is_not_overwritten_without_being_told_to() {
        let (wanted, before) = (unit("b"), unit("a"));
        let edited = before.replace("RestartSec=5", "RestartSec=30");
        let check = |there: Option<&str>, force, expected| assert_eq!(next_move(there, &wanted, force), expected);
        check(None, false, Move::Write);
        check(Some(&wanted), false, Move::Keep);
        check(Some(&before), false, Move::Write);
        check(Some(&edited), false, Move::Refuse(Author::Edited));
        check(Some("[Service]\n"), false, Move::Refuse(Author::Stranger));
        check(Some(&edited), true, Move::Write);
        check(Some("[Service]\n"), true, Move::Write);
    }
}
