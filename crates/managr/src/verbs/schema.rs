//! `managr schema`: the manifest's JSON Schema, for editors.

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Print the JSON Schema of the manifest
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr schema > managr.schema.json\n  \
    Then, as the first line of managr.toml: #:schema ./managr.schema.json")]
pub(crate) struct SchemaArgs {}

pub(crate) fn run(cx: &Context, _args: &SchemaArgs) -> Result<Exit, Failure> {
    cx.ui.json(&deploy_core::schema());
    Ok(Exit::Done)
}
