//! The shape of an API operation: a pure function of the world and an input document.

use aws_model::{AwsError, Document};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Change, Cx, World};

/// The caller's input, as JSON would carry it: the front reads every protocol into it, by the model. Members whose
/// value was `null` are gone, as AWS ignores them.
pub type Input = Document;

/// A written operation's result: what to answer once the changes are durable.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The answer's document, as JSON would carry it.
    pub reply: Value,
    /// What becomes different, in order. Empty: nothing is stored.
    pub changes: Vec<Change>,
}

/// Whether an operation may change the world.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Answers from the world as it is; runs beside other reads.
    Read(fn(&World, &Cx<'_>, &Input) -> Result<Value, AwsError>),
    /// Decides changes; runs alone, is durable before it is answered.
    Write(fn(&World, &mut Cx<'_>, Input) -> Result<Outcome, AwsError>),
}

/// One row of a service's dispatch table.
#[derive(Clone, Copy)]
pub struct Operation {
    /// The operation's name on the wire, e.g. `RegisterTaskDefinition`.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
}

/// Reads an input as a type that takes the model's members; members that the type does not have are ignored.
///
/// # Errors
/// A server's fault: the type and the model disagree. A value is never quoted.
pub(crate) fn read<T: DeserializeOwned>(input: Input) -> Result<T, AwsError> {
    let words = || AwsError::server(format!("an input could not be read as {}", std::any::type_name::<T>()));
    serde_json::from_value(Value::Object(input)).map_err(|_| words())
}
