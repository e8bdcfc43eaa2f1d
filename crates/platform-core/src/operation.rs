//! The shape of an API operation: a pure function of the world and an input document.

use aws_model::{AwsError, Document};
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
