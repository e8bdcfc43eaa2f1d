//! `managr import pipeline`: from the CI files that there are.

use std::path::{Path, PathBuf};

use import::pipeline::{self, Asked, Fate, Imported};
use import::{Folder, write};
use serde_json::json;

use super::{IntoArgs, folder, outcome};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Paint;

/// From a pipeline of Bitbucket, GitHub or GitLab
///
/// Reads how images are built and named, and which branches and tags deploy them to which stage; changes nothing. The
/// manifest has images, stages and [pipeline]; what runs there comes from the other imports. Beside it goes the CI file
/// as `managr pipeline` would write it, with your own parts between its marks. What would be lost is listed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr import pipeline\n  managr import pipeline bitbucket-pipelines.yml --stdout\n  managr import pipeline .github/workflows/deploy.yml --json"
)]
pub(crate) struct PipelineArgs {
    /// The file, or the top of the repository, where all vendors' files are looked for
    #[arg(default_value = ".", value_name = "FILE|DIR")]
    from: PathBuf,
    /// Name of the application [default: what services and images share]
    #[arg(long)]
    app: Option<String>,
    #[command(flatten)]
    into: IntoArgs,
}

pub(crate) fn run(cx: &Context, args: &PipelineArgs) -> Result<Exit, Failure> {
    let (root, file) = place(&args.from);
    let into = match &args.into.output {
        Some(_) => args.into.clone(),
        None => IntoArgs { output: Some(root.join("managr.toml")), ..args.into.clone() },
    };
    outcome::check_free(into.file().as_deref())?;
    let found = read(&root, Asked { app: args.app.clone(), file })
        .map_err(|error| Failure::from_error(error).exit(Exit::Usage))?;
    let text = write::text(&found.manifest, &["Made by `managr import pipeline`.".to_owned()]);
    deploy_core::parse("managr.toml", &text)?;
    let new = root.join(format!("{}.new", found.provider.file()));
    if into.json {
        cx.ui.json(&shown(&text, &found));
        return Ok(Exit::Done);
    }
    if into.file().is_some() && found.file.is_some() {
        outcome::check_free([new.as_path()])?;
    }
    if into.stdout {
        cx.ui.exact(&text);
    }
    if let Some(path) = into.file() {
        outcome::create(&path, &text, 0o666)?;
        if let Some(file) = &found.file {
            let made = new.parent().map_or(Ok(()), std::fs::create_dir_all);
            made.map_err(|error| Failure::new(format!("could not write {}: {error}", new.display())))?;
            outcome::create(&new, file, 0o666)?;
        }
    }
    cx.ui.say(told(cx.ui.err, &found).trim_end());
    if let Some(path) = into.file() {
        cx.ui.say(&format!("wrote {}; look at it, then `managr check`", path.display()));
        if found.file.is_some() {
            let words = format!(
                "wrote {}; put it in the place of yours when both are right, and `managr pipeline {} --check` holds it from then on",
                new.display(),
                found.provider.word()
            );
            cx.ui.say(&words);
        }
    }
    Ok(Exit::Done)
}

/// The top of the repository, and the one file that is meant.
fn place(from: &Path) -> (PathBuf, Option<String>) {
    if from.is_dir() {
        let root = if from == Path::new(".") { PathBuf::new() } else { from.to_owned() };
        return (root, None);
    }
    // Workflows are two directories below the top.
    let parts: Vec<String> = from.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let below = parts.iter().rposition(|part| part == ".github").unwrap_or(parts.len().saturating_sub(1));
    let root: PathBuf = parts[..below].iter().collect();
    (root, Some(parts[below..].join("/")))
}

/// Reads the files, and what they include from the repository.
fn read(root: &Path, asked: Asked) -> Result<Imported, pipeline::PipelineError> {
    let is_yaml = |name: &str| name.ends_with(".yml") || name.ends_with(".yaml");
    let directory = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let mut files: Folder = folder::read(directory, is_yaml).unwrap_or_default();
    // A file that was named may lie where a walk does not go.
    if let Some(file) = asked.file.as_ref().filter(|file| !files.contains_key(*file))
        && let Ok(text) = std::fs::read_to_string(directory.join(file))
    {
        files.insert(file.clone(), text);
    }
    pipeline::read(&files, &asked)
}

fn shown(text: &str, found: &Imported) -> serde_json::Value {
    let accounts: Vec<serde_json::Value> = found
        .accounts
        .iter()
        .map(|account| {
            let (fate, words) = match &account.fate {
                Fate::Carried(words) => ("carried", words),
                Fate::Equal(words) => ("equal", words),
                Fate::Kept(words) => ("kept", words),
                Fate::Listed(words) => ("listed", words),
            };
            json!({ "path": account.path, "place": account.place, "fate": fate, "words": words })
        })
        .collect();
    json!({
        "manifest": text,
        "provider": found.provider.word(),
        "steps": found.rows,
        "accounts": accounts,
        "left": found.left,
    })
}

fn told(paint: Paint, found: &Imported) -> String {
    let Imported { manifest, rows, accounts, left, .. } = found;
    let count = |word: &str, of: fn(&Fate) -> bool| {
        format!("{} {word}", accounts.iter().filter(|account| of(&account.fate)).count())
    };
    let mut out = format!(
        "{}: {} images, {} stages; of what is written {}, {}, {}, {}\n",
        paint.bold(&manifest.app),
        manifest.images.len(),
        manifest.stages.len(),
        count("carried", |fate| matches!(fate, Fate::Carried(_))),
        count("equal", |fate| matches!(fate, Fate::Equal(_))),
        count("kept as yours", |fate| matches!(fate, Fate::Kept(_))),
        count("listed", |fate| matches!(fate, Fate::Listed(_))),
    );
    for row in rows {
        out += &format!("  {}: {} ({})\n", paint.dim(&row.when), row.job, row.does);
        out += &format!("      -> {}\n", row.ours);
    }
    if !left.is_empty() {
        out += &format!("{} not carried, or to be decided by you:\n", left.len());
    }
    for one in left {
        out += &format!("  {} {}: {}\n", paint.dim(&one.place.to_string()), paint.yellow(&one.what), one.why);
    }
    out
}
