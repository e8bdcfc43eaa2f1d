//! The operations, called as the front calls them; every answer is held against the official model.

mod definitions;
mod services;
mod stage;
mod tasks;
