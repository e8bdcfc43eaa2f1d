//! One file per verb: read, decide, show, act.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod docs;
pub(crate) mod down;
pub(crate) mod logs;
pub(crate) mod platform;
pub(crate) mod push;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod taskdef;
pub(crate) mod up;
