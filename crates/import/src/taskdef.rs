//! From task definitions as JSON.
