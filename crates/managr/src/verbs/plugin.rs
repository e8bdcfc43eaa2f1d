//! `managr plugin`: this program as the `session-manager-plugin` that the AWS CLI starts.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::dropin::NAME;
use crate::exit::Exit;
use crate::failure::Failure;

/// Let the AWS CLI use managr as its session-manager-plugin
///
/// `aws ecs execute-command --interactive` and `aws ssm start-session` then work without AWS's plugin, with AWS and with
/// the embedded platform, whose addresses newer plugins refuse.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  managr plugin install\n  managr plugin status\n  managr plugin uninstall")]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// Link session-manager-plugin to this program
    #[command(after_help = "Examples:\n  managr plugin install\n  managr plugin install --dir ~/bin")]
    Install(InstallArgs),
    /// Remove that link
    #[command(after_help = "Examples:\n  managr plugin uninstall")]
    Uninstall(LinkArgs),
    /// Show which session-manager-plugin the AWS CLI would start
    #[command(after_help = "Examples:\n  managr plugin status")]
    Status,
}

#[derive(Debug, Args)]
struct InstallArgs {
    #[command(flatten)]
    place: LinkArgs,
    /// Replace a plugin that is not managr
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct LinkArgs {
    /// Directory of the link [default: /usr/local/bin if it can be written, else ~/.local/bin]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl LinkArgs {
    fn link(&self) -> Result<PathBuf, Failure> {
        let directory = match &self.dir {
            Some(directory) => directory.clone(),
            None => default_directory()?,
        };
        Ok(directory.join(NAME))
    }
}

fn default_directory() -> Result<PathBuf, Failure> {
    let shared = Path::new("/usr/local/bin");
    if nix::unistd::access(shared, nix::unistd::AccessFlags::W_OK).is_ok() {
        return Ok(shared.to_owned());
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let home = home.ok_or_else(|| Failure::new("there is no HOME; name a directory with --dir").exit(Exit::Usage))?;
    Ok(Path::new(&home).join(".local/bin"))
}

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
enum LinkOwner {
    Nothing,
    Ours,
    Other,
}

/// A link to a program named managr is ours, even when that program has moved away.
fn found(path: &Path, program: &Path) -> LinkOwner {
    if path.symlink_metadata().is_err() {
        return LinkOwner::Nothing;
    }
    let is_same = || Some(path.canonicalize().ok()? == program.canonicalize().ok()?);
    let leads_to_managr = || std::fs::read_link(path).ok()?.file_name().map(|name| name == "managr");
    if is_same() == Some(true) || leads_to_managr() == Some(true) { LinkOwner::Ours } else { LinkOwner::Other }
}

pub(crate) async fn run(cx: &Context, args: PluginArgs) -> Result<Exit, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::new(format!("where is this program? {error}")))?;
    match args.command {
        PluginCommand::Install(args) => install(cx, &args, &program),
        PluginCommand::Uninstall(place) => uninstall(cx, &place, &program),
        PluginCommand::Status => Ok(status(cx, &program)),
    }
}

fn install(cx: &Context, args: &InstallArgs, program: &Path) -> Result<Exit, Failure> {
    let link = args.place.link()?;
    let failed = |error: io::Error| Failure::new(format!("could not make {}: {error}", link.display()));
    if found(&link, program) == LinkOwner::Other && !args.force {
        return Err(Failure::new(format!("{} is not managr's", link.display()))
            .hint("replace it with --force, or choose another directory with --dir")
            .exit(Exit::Refused));
    }
    if let Some(directory) = link.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    // Made beside it and moved over it: a client that starts the plugin meanwhile finds one of the two.
    let fresh = link.with_extension(format!("new-{}", std::process::id()));
    symlink(program, &fresh).and_then(|()| std::fs::rename(&fresh, &link)).map_err(|error| {
        let _ = std::fs::remove_file(&fresh);
        failed(error)
    })?;
    cx.ui.say(&format!("{} is managr now", link.display()));
    match first_in_path() {
        Some(first) if first == link => {}
        Some(first) => {
            cx.ui.say(&format!("warning: the AWS CLI starts {}, which comes before it in PATH", first.display()))
        }
        None => cx.ui.say("warning: its directory is not in PATH: the AWS CLI will not find it"),
    }
    Ok(Exit::Done)
}

fn uninstall(cx: &Context, place: &LinkArgs, program: &Path) -> Result<Exit, Failure> {
    let link = match (&place.dir, first_in_path()) {
        (None, Some(first)) if found(&first, program) == LinkOwner::Ours => first,
        _ => place.link()?,
    };
    match found(&link, program) {
        LinkOwner::Nothing => cx.ui.say(&format!("there is no {}", link.display())),
        LinkOwner::Other => {
            return Err(Failure::new(format!("{} is not managr's", link.display())).exit(Exit::Refused));
        }
        LinkOwner::Ours => {
            let removed = std::fs::remove_file(&link);
            removed.map_err(|error| Failure::new(format!("could not remove {}: {error}", link.display())))?;
            cx.ui.say(&format!("removed {}", link.display()));
        }
    }
    Ok(Exit::Done)
}

fn status(cx: &Context, program: &Path) -> Exit {
    let Some(first) = first_in_path() else {
        cx.ui.data(&format!("there is no {NAME} in PATH"));
        cx.ui.say("`managr plugin install` makes one");
        return Exit::Failed;
    };
    let is_ours = found(&first, program) == LinkOwner::Ours;
    let whose =
        if is_ours { "is managr" } else { "is not managr: newer ones refuse the embedded platform's addresses" };
    cx.ui.data(&format!("{} {whose}", first.display()));
    if is_ours { Exit::Done } else { Exit::Failed }
}

/// Returns the plugin that a program started from here would find.
fn first_in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let is_program = |file: &PathBuf| {
        use std::os::unix::fs::PermissionsExt;
        file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&path).map(|directory| directory.join(NAME)).find(is_program)
}
