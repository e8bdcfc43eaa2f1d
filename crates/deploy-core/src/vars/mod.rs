//! Variables and secrets of an application: are they consistent, and how are they spelled?

pub mod check;
pub mod words;
