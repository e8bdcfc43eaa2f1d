//! One file per verb: read, decide, show, act.

mod ago;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod connect;
pub(crate) mod deploy;
pub(crate) mod docs;
pub(crate) mod down;
pub(crate) mod forward;
pub(crate) mod history;
pub(crate) mod logs;
pub(crate) mod plan;
pub(crate) mod platform;
pub(crate) mod plugin;
pub(crate) mod ps;
pub(crate) mod push;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod scale;
pub(crate) mod schema;
pub(crate) mod ship;
pub(crate) mod status;
pub(crate) mod taskdef;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod wait;
