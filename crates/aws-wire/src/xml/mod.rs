//! XML by the model, both ways.

pub(crate) mod read;
mod write;

pub(crate) use write::{Writer, close, leaf, open, open_in};
