//! `managr import compose`: from a compose file.

use std::path::{Path, PathBuf};

use deploy_core::vars::dotenv;
use import::compose::{self, ComposeError, Composed};
use import::{Folder, names, write};

use super::{IntoArgs, outcome};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// A compose file may name files that name files; more rounds than this are a mistake.
const ROUNDS: usize = 16;

/// From a docker-compose.yml
///
/// All its services become containers of one task, which share 127.0.0.1: names of siblings in values are replaced, and
/// each replacement is listed. What looks like a credential is kept out of the manifest; its value goes to a file that
/// only you can read, for the local stage.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr import compose docker-compose.yml\n  managr import compose docker-compose.yml --stdout"
)]
pub(crate) struct ComposeArgs {
    /// The compose file
    file: PathBuf,
    /// Name of the application [default: the file's `name`, else its directory]
    #[arg(long)]
    app: Option<String>,
    #[command(flatten)]
    into: IntoArgs,
}

pub(crate) fn run(cx: &Context, args: &ComposeArgs) -> Result<Exit, Failure> {
    let root = args.file.parent().unwrap_or(Path::new(""));
    let file = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let into = beside(&args.into, root)?;
    outcome::check_free(into.file().as_deref())?;
    let composed = read(root, &file).map_err(|error| Failure::from_error(error).exit(Exit::Usage))?;
    let Composed { mut manifest, has_name, left, account, secrets, files } = composed;
    if let Some(app) = args.app.clone().or_else(|| (!has_name).then(|| directory_name(root)).flatten()) {
        manifest.app = app;
    }
    let text = write::text(&manifest, &["Made by `managr import compose`.".to_owned()]);
    deploy_core::parse("managr.toml", &text)?;
    if into.file().is_some() {
        let beside: Vec<PathBuf> = files.iter().map(|(path, _)| root.join(path)).collect();
        outcome::check_free(beside.iter().map(PathBuf::as_path))?;
        for (path, text) in beside.iter().zip(files.iter().map(|(_, text)| text)) {
            outcome::create(path, text, 0o666)?;
            cx.ui.say(&format!("wrote {}", path.display()));
        }
        let local = manifest.stages.get(deploy_core::manifest::LOCAL);
        if let Some(values) = local.and_then(|local| local.secrets_file.as_deref()).filter(|_| !secrets.is_empty()) {
            keep(cx, &root.join(values), &secrets.into_iter().collect::<Vec<_>>())?;
        }
    }
    outcome::leave(cx, &into, &outcome::Made::new(&text, &manifest)?, &outcome::Proofs::of_account(account), &left)
}

/// Paths in the manifest are from its own directory, as those in a compose file are from its.
fn beside(into: &IntoArgs, root: &Path) -> Result<IntoArgs, Failure> {
    let output = into.output.clone().unwrap_or_else(|| root.join("managr.toml"));
    if full(output.parent().unwrap_or(Path::new(""))) != full(root) {
        let words = format!("{} is not beside the compose file, whose paths it would have", output.display());
        return Err(Failure::new(words).hint("print it with --stdout, and change its paths").exit(Exit::Usage));
    }
    Ok(IntoArgs { output: Some(output), ..into.clone() })
}

/// Reads the file and whatever it names.
fn read(root: &Path, file: &str) -> Result<Composed, ComposeError> {
    let mut folder = Folder::new();
    let add = |folder: &mut Folder, path: &str| {
        let text = std::fs::read_to_string(root.join(path)).ok()?;
        folder.insert(path.to_owned(), text)
    };
    add(&mut folder, file);
    add(&mut folder, ".env");
    for _ in 0..ROUNDS {
        let before = folder.len();
        for path in compose::wanted(&folder, file)? {
            add(&mut folder, &path);
        }
        // The reader itself reports what is not there.
        if folder.len() == before {
            break;
        }
    }
    let mut bound = compose::mounted(&folder, file)?;
    bound.retain(|path| root.join(path).exists());
    compose::read_among(&folder, file, &bound)
}

fn directory_name(root: &Path) -> Option<String> {
    Some(names::app_name(&full(root)?.file_name()?.to_string_lossy()))
}

/// Returns the whole path of a directory; an empty one is here.
fn full(directory: &Path) -> Option<PathBuf> {
    Path::new(".").join(directory).canonicalize().ok()
}

/// Keeps the values of secrets for the local stage, where no other user can read them; values that are there stay.
fn keep(cx: &Context, path: &Path, secrets: &[(String, String)]) -> Result<(), Failure> {
    let shown = path.display();
    if path.exists() {
        cx.ui.say(&format!("{shown} is there already and stays; it must have {}", names_of(secrets)));
        return Ok(());
    }
    outcome::create(path, &dotenv::write(secrets.iter().map(|(n, v)| (n.as_str(), v.as_str()))), 0o600)?;
    cx.ui.say(&format!("wrote {shown} with the values of {}: keep it out of git", names_of(secrets)));
    Ok(())
}

fn names_of(secrets: &[(String, String)]) -> String {
    secrets.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}
