//! The text of a manifest, as a person would have written it.
