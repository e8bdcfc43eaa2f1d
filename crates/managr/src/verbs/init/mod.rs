//! `managr init`: a manifest, Dockerfiles and what they need, for an application that has none yet.

mod answers;
mod fill;
mod interview;
mod template;

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use self::answers::{Answers, app_name};
use self::template::{File, Template};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Name of the manifest.
const MANIFEST: &str = "managr.toml";

/// Write a manifest and Dockerfiles for a new application
///
/// Asks a few questions on a terminal; with --template or --yes it asks none. It never overwrites: if one of the files
/// exists, nothing is written. Code is written only where there is none.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArgs {
    /// What the application is made with [default: asked for]
    #[arg(long, value_enum, value_name = "TEMPLATE")]
    template: Option<Template>,
    /// Name of the application [default: the directory's]
    #[arg(long, value_name = "APP")]
    name: Option<String>,
    /// Directory to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Ask nothing: take missing answers from the template
    #[arg(short, long)]
    yes: bool,
    /// Port that the application listens on [default: the template's]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
    port: Option<u16>,
    /// Path of the health check [default: the template's]
    #[arg(long, value_name = "PATH")]
    health_path: Option<String>,
    /// Command of a background worker [default: there is none]
    #[arg(long, value_name = "COMMAND")]
    worker: Option<String>,
    /// Keep data in PostgreSQL: a container on this machine, RDS elsewhere
    #[arg(long)]
    database: bool,
    /// Host name of the staging stage [default: there is no such stage]
    #[arg(long, value_name = "HOST")]
    staging: Option<String>,
    /// Host name of the prod stage [default: there is no such stage]
    #[arg(long, value_name = "HOST")]
    prod: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  managr init
  managr init --template node --name shop
  managr init --template django --database --worker \"python3 manage.py process_tasks\"
  managr init --template static --dir site --prod www.example.com";

pub(crate) fn run(cx: &Context, args: &InitArgs) -> Result<Exit, Failure> {
    let may_ask = args.template.is_none() && !args.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    let answers = match args.template {
        None if !may_ask => {
            return Err(Failure::new("without a terminal nothing can be asked: name a template")
                .hint(format!("managr init --template {}", Template::names("|")))
                .exit(Exit::Usage));
        }
        None => match interview::ask(cx, args).map_err(Failure::from_error)? {
            Some(answers) => answers,
            None => return Ok(Exit::Declined),
        },
        Some(template) => Answers::settle(template, args)?,
    };
    let files = answers.template.files(&args.dir, &answers);
    refuse_existing(&files)?;
    let written = filled(&answers, &files)?;
    for (path, text, file) in &written {
        if let Err(error) = write(path, text, file.is_program) {
            return Err(undo(path, &error, &written));
        }
    }
    cx.ui.say(&format!("wrote {} for {}:", shown(&args.dir.join(MANIFEST)), cx.ui.err.bold(&answers.app)));
    written.iter().for_each(|(path, ..)| cx.ui.say(&format!("  {}", shown(path))));
    for missing in answers.template.missing(&args.dir) {
        cx.ui.say(&missing.to_string());
    }
    let directory = if args.dir == Path::new(".") { String::new() } else { format!("cd {} && ", args.dir.display()) };
    cx.ui.say(&format!("next: {}", cx.ui.err.bold(&format!("{directory}managr up"))));
    Ok(Exit::Done)
}

type Written<'a> = (PathBuf, String, &'a File);

/// Returns the texts; the manifest among them is one that the reader takes.
fn filled<'a>(answers: &Answers, files: &'a [File]) -> Result<Vec<Written<'a>>, Failure> {
    let mut written = Vec::new();
    for file in files {
        let text = fill::fill(file.text, answers);
        if file.path.ends_with(MANIFEST) {
            deploy_core::parse(MANIFEST, &text)?;
        }
        written.push((file.path.clone(), text, file));
    }
    Ok(written)
}

fn refuse_existing(files: &[File]) -> Result<(), Failure> {
    let existing: Vec<&Path> =
        files.iter().map(|file| file.path.as_path()).filter(|path| path.symlink_metadata().is_ok()).collect();
    if existing.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::new("some of the files are there already; nothing was written");
    failure.details.extend(existing.iter().map(|path| format!("  {}", shown(path))));
    Err(failure.hint("move them away, or write to another directory with --dir").exit(Exit::Usage))
}

fn write(path: &Path, text: &str, is_program: bool) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Another process may have made the file since it was looked for.
    let mode = if is_program { 0o755 } else { 0o644 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes())
}

fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

/// Takes away what was written before it failed; what was there before stays.
fn undo(failed: &Path, error: &io::Error, written: &[Written<'_>]) -> Failure {
    let before = written.iter().map(|(path, ..)| path).take_while(|path| path.as_path() != failed);
    before.for_each(|path| drop(fs::remove_file(path)));
    Failure::new(format!("could not write {}: {error}; nothing was written", failed.display()))
}
