//! `managr vars edit`: a stage's secrets in an editor.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitStatus;

use deploy::vars::Hidden;
use deploy_core::vars::dotenv;
use tokio::signal::unix::{SignalKind, signal};

use super::home::{Changes, Home};
use super::scratch::Scratch;
use super::{ask, set};
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;

/// Edit a stage's secrets in $VISUAL or $EDITOR
///
/// Names and values are in a file in memory while the editor is open, and nowhere else. Changes are shown by name, and
/// written once you agree; changes that others make in the meantime are kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr vars edit staging\n  EDITOR='code --wait' managr vars edit prod")]
pub(super) struct EditArgs {
    /// Stage
    stage: String,
    /// Do not ask before it is written
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(cx: &Context, args: &EditArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let home = Home::of(cx, &project, &args.stage)?;
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("there is no terminal to edit on")
            .hint(format!("`managr vars import {} FILE`, or `managr vars set {0} NAME --secret --stdin`", args.stage))
            .exit(Exit::Usage));
    }
    let before = home.values().await?;
    let scratch = Scratch::new()?;
    let text = text(&project, args, &home, &before)?;
    let path =
        scratch.write("secrets.env", &text).map_err(|error| Failure::new(format!("could not write: {error}")))?;
    let after = loop {
        edited(&scratch, &path).await?;
        // Not the file that was written: an editor may put another one in its place.
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Failure::new(format!("the edited file could not be read: {error}")))?;
        match dotenv::read(&text) {
            Ok(entries) => break entries,
            Err(error) => {
                cx.ui.say(&format!("{error}"));
                ask::agree("edit it again?", false)?;
            }
        }
    };
    let after: BTreeMap<String, Hidden> =
        after.into_iter().map(|entry| (entry.name, Hidden::new(entry.value))).collect();
    drop(scratch);
    let changes = difference(&before, after);
    if changes.set.is_empty() && changes.unset.is_empty() {
        cx.ui.say("nothing was changed");
        return Ok(Exit::Done);
    }
    show(cx, &project, &args.stage, &before, &changes)?;
    ask::agree(&format!("write this to {}?", home.shown()), args.yes)?;
    home.change(cx, &changes).await?;
    cx.ui.say(&format!("written to {}", home.shown()));
    cx.ui.say(&format!(
        "next: {}; --force replaces tasks that run, so that they read it",
        set::next(&args.stage).replace("up --detach", "deploy local")
    ));
    Ok(Exit::Done)
}

/// Returns what the editor shows: what there is, and what is missing.
fn text(project: &Project, args: &EditArgs, home: &Home, values: &[(String, Hidden)]) -> Result<String, Failure> {
    let mut text = format!(
        "# Secrets of {} in {}. One NAME=value a line; quotes as in .env files.\n# A line taken out takes the secret away. This file is in memory and goes when you leave the editor.\n\n",
        args.stage,
        home.shown()
    );
    text.push_str(&dotenv::write(values.iter().map(|(name, value)| (name.as_str(), value.expose()))));
    let desired = project.names(&args.stage)?;
    for key in desired.secret.iter().flat_map(|secret| &secret.keys) {
        if !values.iter().any(|(name, _)| *name == key.key) {
            text.push_str(&format!("# {}=    (declared, and without a value)\n", key.key));
        }
    }
    Ok(text)
}

/// Lets the person edit the file. Ctrl-C is the editor's; what ends this program ends the editor first, so that
/// the directory goes.
async fn edited(scratch: &Scratch, path: &Path) -> Result<(), Failure> {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let listen = |kind| signal(kind).map_err(|error| Failure::new(format!("could not listen for signals: {error}")));
    let mut ends = [listen(SignalKind::terminate())?, listen(SignalKind::hangup())?, listen(SignalKind::quit())?];
    let _interrupts = listen(SignalKind::interrupt())?;
    let mut command = tokio::process::Command::new("sh");
    // As git does: the variable may have arguments. What the editor keeps beside stays in memory too.
    command.args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(path).env("TMPDIR", scratch.path());
    let mut child = command
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Failure::new(format!("could not start {editor}: {error}")))?;
    let [term, hangup, quit] = &mut ends;
    let status: std::io::Result<ExitStatus> = tokio::select! {
        status = child.wait() => status,
        _ = term.recv() => return Err(ended()),
        _ = hangup.recv() => return Err(ended()),
        _ = quit.recv() => return Err(ended()),
    };
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("{editor} ended with {status}; nothing was changed"))),
        Err(error) => Err(Failure::new(format!("could not wait for {editor}: {error}"))),
    }
}

fn ended() -> Failure {
    Failure::new("interrupted; nothing was changed").exit(Exit::Interrupted)
}

fn difference(before: &[(String, Hidden)], after: BTreeMap<String, Hidden>) -> Changes {
    let unset = before.iter().filter(|(name, _)| !after.contains_key(name)).map(|(name, _)| name.clone()).collect();
    let is_new = |(name, value): &(String, Hidden)| !before.iter().any(|(known, old)| known == name && old == value);
    Changes { set: after.into_iter().filter(is_new).collect(), unset }
}

fn show(
    cx: &Context,
    project: &Project,
    stage: &str,
    before: &[(String, Hidden)],
    changes: &Changes,
) -> Result<(), Failure> {
    let desired = project.names(stage)?;
    let keys: Vec<&str> = desired.secret.iter().flat_map(|secret| &secret.keys).map(|key| key.key.as_str()).collect();
    for (name, _) in &changes.set {
        let mark = if before.iter().any(|(known, _)| known == name) { '~' } else { '+' };
        let note = if keys.contains(&name.as_str()) {
            ""
        } else {
            "  (no container gets it: managr.toml does not declare it)"
        };
        cx.ui.say(&format!("{mark} {name}{note}"));
    }
    for name in &changes.unset {
        let note =
            if keys.contains(&name.as_str()) { "  (managr.toml declares it: the next deploy needs it)" } else { "" };
        cx.ui.say(&format!("- {name}{note}"));
    }
    Ok(())
}
