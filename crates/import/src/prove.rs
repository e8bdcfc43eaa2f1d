//! Does the manifest say what was found?
