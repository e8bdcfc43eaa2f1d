//! The operations, called as the front calls them; every answer is held against the official model.

mod connect;
mod definitions;
mod exec;
mod registries;
mod services;
mod stage;
mod tasks;
