//! What an import tells and leaves: the manifest, the proof, and what could not be carried.

use std::io::Write;
use std::path::Path;

use deploy_core::Manifest;
use import::prove::Proof;
use import::{Found, Left, fold, prove, write};
use serde_json::json;

use super::IntoArgs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Paint;

/// What a manifest was made from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// Task definitions.
    Documents,
    /// A cluster.
    Live,
    /// A folder of Terraform.
    Terraform,
}

impl Source {
    fn words(self) -> &'static str {
        match self {
            Self::Documents => "managr import taskdef, from task definitions",
            Self::Live => "managr import service, from what ran",
            Self::Terraform => "managr import terraform, from a folder of Terraform",
        }
    }
}

/// Refuses before anything is read what could not be written.
///
/// # Errors
/// When the file is there already.
pub(crate) fn check_free(into: &IntoArgs) -> Result<(), Failure> {
    if into.stdout || into.json || !into.output.exists() {
        return Ok(());
    }
    let words = format!("{} is there already; nothing was read", into.output.display());
    Err(Failure::new(words).hint("choose another file with --output, or look first with --stdout").exit(Exit::Usage))
}

/// Makes the manifest, proves it, leaves it where it should go, and tells.
///
/// # Errors
/// When it could not be written, or says something that the manifest's own reader refuses.
pub(crate) fn finish(cx: &Context, into: &IntoArgs, found: &Found, source: Source) -> Result<Exit, Failure> {
    let folded = fold::fold(found);
    let text = write::text(&folded.manifest, &[format!("Made by `{}`.", source.words())]);
    let proofs = prove::prove(&text, found)?;
    leave(cx, into, &text, &folded.manifest, &proofs, &folded.left)
}

/// Leaves a manifest where it should go, and tells.
///
/// # Errors
/// When it could not be written.
pub(crate) fn leave(
    cx: &Context,
    into: &IntoArgs,
    text: &str,
    manifest: &Manifest,
    proofs: &[Proof],
    left: &[Left],
) -> Result<Exit, Failure> {
    let is_equal = proofs.iter().all(|proof| proof.equal);
    let exit = if is_equal { Exit::Done } else { Exit::Refused };
    if into.json {
        cx.ui.json(&json!({ "manifest": text, "proofs": proofs, "left": left }));
        return Ok(exit);
    }
    if into.stdout {
        cx.ui.data(text);
    } else {
        create(&into.output, text)?;
    }
    cx.ui.say(told(cx.ui.err, manifest, proofs, left).trim_end());
    if !into.stdout {
        let file = into.output.display();
        cx.ui.say(&format!("wrote {file}; look at it, then `managr check` and `managr plan STAGE`"));
    }
    Ok(exit)
}

/// Writes a file that must not be there yet.
fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let written = std::fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::new(format!("could not write {}: {error}", path.display())))
}

fn told(paint: Paint, manifest: &Manifest, proofs: &[Proof], left: &[Left]) -> String {
    let mut out = String::new();
    let counted = [
        (manifest.stages.len(), "stage"),
        (manifest.services.len(), "service"),
        (manifest.schedules.len(), "schedule"),
        (manifest.images.len(), "image"),
        (manifest.variables.len(), "variable"),
        (manifest.secrets.len(), "secret"),
    ];
    let counted = counted.iter().filter(|(count, _)| *count > 0);
    let counted = counted.map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }));
    out += &format!("{}: {}\n", paint.bold(&manifest.app), counted.collect::<Vec<_>>().join(", "));
    for proof in proofs {
        let verdict = if proof.equal { paint.green("equal") } else { paint.red("NOT EQUAL") };
        out += &format!("  {verdict}  {} in {}\n", proof.family, proof.stage);
        for difference in &proof.differences {
            out += &format!("      {difference}\n");
        }
    }
    if !left.is_empty() {
        out += &format!("{} not carried, or to be decided by you:\n", left.len());
    }
    for one in left {
        out += &format!("  {} {}: {}\n", paint.dim(&one.place.to_string()), paint.yellow(&one.what), one.why);
    }
    out
}
