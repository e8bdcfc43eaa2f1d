//! The command line as a person or a script meets it: what it prints where, and how it ends.
//! Hermetic: temporary directories, a simulated platform on a port of its own, no root.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod allow;
mod balance;
mod beside;
mod connect;
mod databases;
mod db;
mod deploy;
mod forward;
mod gate;
mod help;
mod import;
mod import_terraform;
mod imported;
mod init;
mod interrupts;
mod logs;
mod manifest;
mod names;
mod output;
mod pipeline;
mod platform;
mod postgres;
mod preview;
mod pty;
mod purge;
mod rollback;
mod routes;
mod running;
mod sandbox;
mod scaling;
mod schedules;
mod served;
mod stage;
mod terminal;
mod told;
mod top;
mod up;
mod vars;
mod vars_check;
mod verify;
