//! Cloud Map: namespaces, services and the instances that are found under their names.

pub(crate) mod records;
mod thing;

pub use thing::{Discovery, Dns, Instance, Namespace, Service};
