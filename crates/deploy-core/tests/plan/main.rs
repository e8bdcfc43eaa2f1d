//! What a plan does, and that doing it leaves nothing to do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod differences;
mod discover;
mod families;
mod ingress;
mod moves;
mod properties;
mod restores;
mod risks;
mod scaling;
mod state;
mod ways;
mod ways_properties;
mod world;
