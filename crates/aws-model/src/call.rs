//! One call of AWS's API as its owner sees it, and what comes back: the seam between the front and the services that
//! answer.
//!
//! A service has its operations in one or more doors. A door is a table of names and functions; it knows no HTTP, and
//! the front knows no operation.

use std::future::Future;
use std::pin::Pin;

use futures_core::Stream;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::document::without_nulls;
use crate::model::Operation;
use crate::{AwsError, Document};

/// A call whose input has been held against the model: required members are there, and types, lengths, ranges,
/// enumerations and patterns are the model's, except where `check::lax` says otherwise.
///
/// An input is the document that JSON would carry, whatever protocol it came by: instants are numbers of seconds, bytes
/// are base64. Members that are `null` are gone.
pub struct Call {
    /// What is to be done.
    pub operation: Operation,
    /// Region of the credential scope.
    pub region: String,
    /// Access key of the credential scope; empty for the few calls that are not signed.
    pub access_key: String,
    /// Host and port by which the caller reached the platform.
    pub authority: String,
    /// What is sent.
    pub input: Document,
    /// Identifier of this call, as it is answered.
    pub request_id: String,
}

impl Call {
    /// Reads the input as a type that takes the model's members. Members that the type does not have are ignored, so
    /// let a door refuse by name what it knows of and cannot do.
    ///
    /// # Errors
    /// A server's fault that names the operation: the type and the model disagree. A value is never quoted.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<T, AwsError> {
        read(self.operation, std::mem::take(&mut self.input))
    }
}

/// Without the input: it may carry a secret.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.operation.name())
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// An event of a stream: the member of the event stream's union, and its content.
pub type Event = (&'static str, Document);

/// What a call is answered. No `Debug`: it may carry a secret.
pub enum Answer {
    /// The output's members, as JSON would carry them; see [`Call`].
    Document(Document),
    /// What comes over time (`application/vnd.amazon.eventstream`); it ends when the stream does.
    Events(Pin<Box<dyn Stream<Item = Result<Event, AwsError>> + Send>>),
}

impl From<Document> for Answer {
    fn from(document: Document) -> Self {
        Self::Document(document)
    }
}

/// An answer to come.
pub type Answering<'d> = Pin<Box<dyn Future<Output = Result<Answer, AwsError>> + Send + 'd>>;

/// Answers some operations of a service.
pub trait Door: Send + Sync {
    /// Returns the names of the operations that it answers.
    fn operations(&self) -> Vec<&'static str>;

    /// Answers a call of one of them.
    fn call(&self, call: Call) -> Answering<'_>;
}

/// A line of a door's table: the operation's name, and the function that answers it.
pub type Row<T> = (&'static str, for<'d> fn(&'d T, Call) -> Answering<'d>);

/// Reads an input as a type; see [`Call::read`]. For a row that looks at the document first.
///
/// # Errors
/// A server's fault that names the operation.
pub fn read<T: DeserializeOwned>(operation: Operation, input: Document) -> Result<T, AwsError> {
    serde_json::from_value(Value::Object(input)).map_err(|error| {
        // serde_json names types and, for some faults, the value: only where it is does not betray a secret.
        let place = if error.is_data() { "a member of another type" } else { "a malformed member" };
        AwsError::server(format!("{} could not be read: {place}", operation.name()))
    })
}

/// Lets the row of the call's operation answer. The rows stand in the order of their names.
pub fn answer_by<'d, T>(rows: &[Row<T>], truth: &'d T, call: Call) -> Answering<'d> {
    let name = call.operation.name();
    match rows.binary_search_by_key(&name, |(name, _)| name) {
        Ok(row) => rows[row].1(truth, call),
        Err(_) => Box::pin(async move { Err(AwsError::server(format!("{name} is offered and has no row"))) }),
    }
}

/// Returns the names of a table of `N` rows.
pub const fn names<T, const N: usize>(rows: &[Row<T>]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut row = 0;
    while row < N {
        names[row] = rows[row].0;
        row += 1;
    }
    names
}

/// Returns a [`Row`] of an operation and an `async fn(&Truth, &Call, Input) -> Result<Output, _>`: serde reads the input
/// and writes the output, and the call that the function sees has an empty input.
#[macro_export]
macro_rules! row {
    ($name:literal, $answer:path) => {
        ($name, |truth, mut call| {
            ::std::boxed::Box::pin(async move {
                let input = call.read()?;
                $crate::call::answer($answer(truth, &call, input).await?)
            })
        })
    };
}

/// Returns the answer that a value is; what is null in it is left out, as a member without a value is none.
///
/// # Errors
/// A server's fault if the value is no document.
pub fn answer(value: impl serde::Serialize) -> Result<Answer, AwsError> {
    let value = serde_json::to_value(value).map_err(|_| AwsError::server("an answer that cannot be written"))?;
    let mut document = document(value)?;
    without_nulls(&mut document);
    Ok(Answer::Document(document))
}

/// Returns a document of a value that is one.
///
/// # Errors
/// A server's fault if the value is anything but an object or null; null is an empty document.
pub fn document(value: Value) -> Result<Document, AwsError> {
    match value {
        Value::Object(document) => Ok(document),
        Value::Null => Ok(Document::new()),
        _ => Err(AwsError::server("an answer that is no document")),
    }
}
