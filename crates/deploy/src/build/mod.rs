//! Builds images with whatever tool the machine has, and pushes them.
//!
//! Never builds what is already in the registry: the tag carries the [`fingerprint`] of
//! everything that the image is made of.

pub mod fingerprint;
pub mod ignore;
mod push;
mod run;
pub mod tool;

use std::io;
use std::path::PathBuf;

use crate::event::{Event, Events, ImagePhase};
pub use push::{Login, push};
use tool::Around;
pub use tool::{Tool, detect};

/// How one image is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Name in the manifest.
    pub name: String,
    /// Directory that is sent to the builder.
    pub context: PathBuf,
    /// Dockerfile.
    pub dockerfile: PathBuf,
    /// Stage of the Dockerfile to stop at.
    pub target: Option<String>,
    /// `os/arch`, if not this machine's.
    pub platform: Option<String>,
    /// Build arguments.
    pub args: Vec<(String, String)>,
}

/// Why an image could not be built or pushed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No tool works here.
    #[error("no build tool works here ({tried})")]
    NoTool {
        /// What is wrong with each.
        tried: String,
    },
    /// An ingredient could not be read.
    #[error("could not read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The tool could not be started.
    #[error("could not start `{program}`")]
    Start {
        /// The tool.
        program: &'static str,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The tool said no.
    #[error("`{program}` could not {} image `{image}` ({status})", match phase { ImagePhase::Building => "build", ImagePhase::Pushing => "push" })]
    Failed {
        /// Name in the manifest.
        image: String,
        /// What was being done.
        phase: ImagePhase,
        /// The tool.
        program: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of its output.
        tail: Vec<String>,
    },
    /// The registry's credentials could not be handed to the tool.
    #[error("could not write the registry's credentials")]
    Credentials {
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

/// Returns the fingerprint of an image as it would be built now.
///
/// # Errors
/// [`BuildError::Read`].
pub async fn fingerprint_of(tool: Tool, recipe: &Recipe) -> Result<String, BuildError> {
    let dockerfile = std::fs::read_to_string(&recipe.dockerfile)
        .map_err(|source| BuildError::Read { path: recipe.dockerfile.clone(), source })?;
    let mut bases = Vec::new();
    for reference in fingerprint::base_images(&dockerfile) {
        let id = run::output(tool.program(), &tool.image_id(&reference)).await;
        bases.push((reference, id.unwrap_or_default()));
    }
    fingerprint::of(recipe, &bases)
}

/// Returns whether the tool's own storage has an image under a tag.
pub async fn is_built(tool: Tool, tag: &str) -> bool {
    run::output(tool.program(), &tool.image_id(tag)).await.is_some_and(|id| !id.is_empty())
}

/// Builds an image under a tag in the tool's own storage.
///
/// # Errors
/// [`BuildError::Failed`] with the end of the output.
pub async fn build(tool: Tool, recipe: &Recipe, tag: &str, events: &Events) -> Result<(), BuildError> {
    events.emit(Event::ImageStarted { image: recipe.name.clone(), phase: ImagePhase::Building });
    let args = tool.build(recipe, tag, &Around::ours());
    run::streamed(tool.program(), &args, &recipe.name, ImagePhase::Building, events).await
}
