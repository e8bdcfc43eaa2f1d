//! How is a manifest's text read so that every fault is found in one run?
//!
//! The text becomes a tree with spans; [`walk`] holds the tree against the JSON Schema of the
//! types, records each fault, and keeps what is sound; the types are made from what was kept;
//! [`check`] then looks at what the schema cannot say. A fault found by `walk` leaves a hole,
//! so `check` asks the tree, not the types, whether something was written.

mod check;
mod format;
mod mask;
mod place;
mod report;
mod strip;
mod tree;
mod walk;

use std::sync::LazyLock;

use serde_json::Value;
use toml::de::DeTable;

pub use self::place::{Written, place_of};
use self::report::Report;
use self::tree::Tree;
use super::{Fault, Manifest, ManifestErrors};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(Manifest).to_value();
    strip::strip_nulls(&mut schema);
    schema
});

/// Returns the JSON Schema of the manifest, as the reader uses it.
pub fn schema_of_manifest() -> &'static Value {
    &SCHEMA
}

/// Reads a manifest; `file` is the name shown in errors.
///
/// # Errors
/// Every fault of the text, in its order. A text that is not TOML is not looked at further.
pub fn parse(file: &str, text: &str) -> Result<Manifest, ManifestErrors> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut report = Report::new(file, &mask::mask_secrets(text, table.get_ref()));
    let mut readable = true;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        if error.message() == "duplicate key" {
            report.add(Fault::DuplicateKey, span, "written again", Some("keep one of them".to_owned()));
        } else {
            readable = false;
            report.add(Fault::Syntax { message: error.message().to_owned() }, span, "here", None);
        }
    }
    if !readable {
        // What a parser guesses behind a syntax error produces faults that the user did not make.
        return Err(report.finish());
    }

    let tree = Tree::new(&table);
    let sound = walk::walk(&SCHEMA, &table, &mut report);
    match serde_json::from_value::<Manifest>(sound) {
        Ok(manifest) => {
            let manifest = manifest.spread();
            check::check(&manifest, &tree, &mut report);
            if report.is_empty() { Ok(manifest) } else { Err(report.finish()) }
        }
        // A required key that is missing inside a union leaves something the types cannot take; it is reported.
        Err(_) if !report.is_empty() => Err(report.finish()),
        Err(error) => {
            report.add(Fault::Internal { message: error.to_string() }, 0..0, "somewhere here", None);
            Err(report.finish())
        }
    }
}
