//! `managr pipeline bitbucket|github|gitlab`: written, printed, or held against what there is.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use deploy_core::manifest::Pipeline as Words;
use deploy_core::pipeline::{self, Auth, Options, Provider, Purpose, lines};

use crate::context::{Context, Project, ask_git};
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Options that you leave out stay as they are: the head of the file keeps them.\n\nExamples:\n  \
    managr pipeline bitbucket --branch trunk\n  managr pipeline github --check\n  \
    managr pipeline gitlab --auth keys --stdout"
)]
pub(super) struct WriteArgs {
    /// Change nothing; if the file is out of date, show the difference and exit with 5
    #[arg(long, conflicts_with_all = ["stdout", "force"])]
    check: bool,
    /// File [default: where the service looks for it, from the top of the repository]
    #[arg(long, value_name = "FILE", conflicts_with = "stdout")]
    out: Option<PathBuf>,
    /// Print it
    #[arg(long)]
    stdout: bool,
    /// Overwrite a file that managr did not make, or that was edited outside the marks
    #[arg(long)]
    force: bool,
    /// How the pipeline authenticates: with tokens of its own, or with long-lived keys
    #[arg(long, value_enum, value_name = "HOW")]
    auth: Option<AuthArg>,
    /// Command that puts managr on the PATH [default: download it from $MANAGR_DOWNLOAD_URL if it is not there]
    #[arg(long, value_name = "COMMAND")]
    install: Option<String>,
    /// Branch that goes to staging [default: main]
    #[arg(long, value_name = "NAME", value_parser = word)]
    branch: Option<String>,
    /// Tags that go to production [default: v*]
    #[arg(long, value_name = "PATTERN", value_parser = word)]
    tags: Option<String>,
    /// Stage of the branch [default: staging]
    #[arg(long, value_name = "STAGE")]
    staging: Option<String>,
    /// Stage of tags [default: prod, or production]
    #[arg(long, value_name = "STAGE")]
    production: Option<String>,
    /// Branch that goes to production, instead of tags; may be the one that goes to staging
    #[arg(long, value_name = "NAME", value_parser = word)]
    production_branch: Option<String>,
    /// What is deployed: the manifest, or new images in a task definition without a manifest
    #[arg(long = "for", value_enum, value_name = "WHAT")]
    purpose: Option<PurposeArg>,
    /// Container that gets the new image, with --for taskdef [default: server]
    #[arg(long, value_name = "NAME", value_parser = word)]
    container: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AuthArg {
    Oidc,
    Keys,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PurposeArg {
    Manifest,
    Taskdef,
}

/// Takes what means nothing else in YAML or in a shell.
fn word(text: &str) -> Result<String, String> {
    match pipeline::is_pattern(text) {
        true => Ok(text.to_owned()),
        false => Err("it takes letters, digits and . _ / * ? + -".to_owned()),
    }
}

pub(super) fn run(cx: &Context, provider: Provider, args: WriteArgs) -> Result<Exit, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(format!("could not tell the current directory: {error}")))?;
    // A task definition without a manifest needs none.
    let project = match args.purpose {
        Some(PurposeArg::Taskdef) => None,
        _ => Some(cx.project()),
    };
    let directory = match &project {
        Some(Ok(project)) => here.join(project.directory()),
        _ => here.clone(),
    };
    let root = ask_git(&directory, &["rev-parse", "--show-toplevel"]).map_or(directory, PathBuf::from);
    let path = args.out.clone().unwrap_or_else(|| root.join(provider.file()));
    let existing = read(&path)?;
    let options = options(&args, existing.as_deref());
    let project = match (options.purpose, project) {
        (Purpose::Taskdef, _) | (_, None) => None,
        (Purpose::Manifest, Some(project)) => Some(project?),
    };
    let options = Options { file: project.as_ref().and_then(|project| manifest_path(project, &root)), ..options };
    check(&options)?;
    let manifest = project.as_ref().map(|project| &project.manifest);
    let said = manifest.and_then(|manifest| manifest.pipeline.as_ref());
    options.agree(&asked(&args), said).map_err(explain)?;
    let options = options.beside(said);
    // What has no place any more is the user's to give up.
    let kept = existing.as_deref();
    let text = match pipeline::write(provider, manifest, &options, kept) {
        Err(pipeline::PipelineError::Kept(pipeline::KeptError::NoPlace { .. })) if args.force => {
            pipeline::write(provider, manifest, &options, None).map_err(explain)?
        }
        written => written.map_err(explain)?,
    };
    if args.stdout {
        cx.ui.exact(&text);
        return Ok(Exit::Done);
    }
    let shown = path.strip_prefix(&here).unwrap_or(&path).display().to_string();
    let is_ours = existing.as_deref().is_some_and(pipeline::is_ours);
    if args.check {
        return compare(cx, provider, &shown, existing.as_deref(), &text);
    }
    if existing.is_some() && !is_ours && !args.force {
        return Err(Failure::new(format!("{shown} was not made by managr"))
            .hint("look at what would be written with --stdout, and write over it with --force")
            .exit(Exit::Usage));
    }
    if existing.as_deref().is_some_and(pipeline::is_edited) && !args.force {
        cx.ui.data(&lines::difference(existing.as_deref().unwrap_or_default(), &text));
        return Err(Failure::new(format!("{shown} was edited outside of the marks; nothing was written"))
            .hint("move what is yours between marks, or say it in [pipeline] of the manifest; --force writes over it")
            .exit(Exit::Refused));
    }
    if existing.as_deref() == Some(text.as_str()) {
        cx.ui.say(&format!("{shown} is current"));
        return Ok(Exit::Done);
    }
    write(&path, &text)?;
    cx.ui.say(&format!("wrote {shown}"));
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(format!("could not read {}: {error}", path.display()))),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = made.and_then(|()| std::fs::write(path, text));
    written.map_err(|error| Failure::new(format!("could not write {}: {error}", path.display())))
}

/// What was said wins over what the file was written with.
fn options(args: &WriteArgs, existing: Option<&str>) -> Options {
    let kept = existing.and_then(Options::of).unwrap_or_default();
    let auth = auth(args);
    let purpose = args.purpose.map(|purpose| match purpose {
        PurposeArg::Manifest => Purpose::Manifest,
        PurposeArg::Taskdef => Purpose::Taskdef,
    });
    Options {
        auth: auth.unwrap_or(kept.auth),
        branch: args.branch.clone().unwrap_or(kept.branch),
        tags: args.tags.clone().unwrap_or(kept.tags),
        staging: args.staging.clone().or(kept.staging),
        production: args.production.clone().or(kept.production),
        production_branch: args.production_branch.clone().or(kept.production_branch),
        install: args.install.clone().or(kept.install),
        file: kept.file,
        purpose: purpose.unwrap_or(kept.purpose),
        container: args.container.clone().or(kept.container),
    }
}

fn auth(args: &WriteArgs) -> Option<Auth> {
    args.auth.map(|auth| match auth {
        AuthArg::Oidc => Auth::Oidc,
        AuthArg::Keys => Auth::Keys,
    })
}

/// What was asked for, in the manifest's words.
fn asked(args: &WriteArgs) -> Words {
    Words {
        auth: auth(args),
        branch: args.branch.clone(),
        tags: args.tags.clone(),
        staging: args.staging.clone(),
        production: args.production.clone(),
        production_branch: args.production_branch.clone(),
        install: args.install.clone(),
        ..Words::default()
    }
}

fn check(options: &Options) -> Result<(), Failure> {
    if options.install.as_ref().is_some_and(|command| command.trim().is_empty() || command.contains('\n')) {
        return Err(Failure::new("--install takes one line of shell").exit(Exit::Usage));
    }
    if options.file.as_ref().is_some_and(|file| word(file).is_err()) {
        let words = "the path of the manifest has letters in it that a shell would not take as they are";
        return Err(Failure::new(words).exit(Exit::Usage));
    }
    Ok(())
}

/// Returns where the manifest is, unless it is where a pipeline finds it by itself.
fn manifest_path(project: &Project, root: &Path) -> Option<String> {
    let path = std::fs::canonicalize(&project.path).ok()?;
    let relative = path.strip_prefix(std::fs::canonicalize(root).ok()?).ok()?.to_str()?.to_owned();
    (relative != "managr.toml").then_some(relative)
}

fn compare(cx: &Context, provider: Provider, shown: &str, existing: Option<&str>, text: &str) -> Result<Exit, Failure> {
    let words = match existing {
        None => format!("there is no {shown}"),
        Some(existing) if !pipeline::is_ours(existing) => format!("{shown} was not made by managr"),
        Some(existing) if existing == text => {
            cx.ui.say(&format!("{shown} is current"));
            return Ok(Exit::Done);
        }
        Some(existing) => {
            cx.ui.data(&lines::difference(existing, text));
            match pipeline::is_edited(existing) {
                true => format!("{shown} was edited outside of the marks, or is out of date"),
                false => format!("{shown} is out of date"),
            }
        }
    };
    Err(Failure::new(words).hint(format!("write it with `managr pipeline {}`", provider.word())).exit(Exit::Refused))
}

fn explain(error: pipeline::PipelineError) -> Failure {
    use pipeline::KeptError::NoPlace;
    use pipeline::PipelineError::{Contradicts, Kept, NoStage, NoStages, NoTaskdef};
    let hint = match &error {
        NoStage { .. } => "name one that there is",
        NoStages { .. } => "name them: --staging STAGE, --production STAGE",
        NoTaskdef { .. } => {
            "its one step is `managr taskdef update FAMILY --image CONTAINER=REF --cluster C --service S`"
        }
        Contradicts { .. } => "change the manifest, or leave the option away",
        Kept(NoPlace { .. }) => "move the lines between other marks; --force gives up everything between marks",
        Kept(_) => "put the mark back, or write to another file with --out",
    };
    Failure::from_error(error).hint(hint).exit(Exit::Usage)
}
