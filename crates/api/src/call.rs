//! A call to a service that has no door yet.

use std::pin::Pin;

use aws_model::call::Event;
use aws_model::{AwsError, Service};
use aws_wire::Caller;
use futures_util::Stream;
use platform_core::Input;
use serde_json::Value;

/// A call whose envelope was understood; its input is not yet judged.
pub(crate) struct Call {
    /// How it wants to be answered.
    pub(crate) caller: Caller,
    /// Who is to answer.
    pub(crate) service: Service,
    /// The operation's name on the wire, e.g. `DescribeServices`.
    pub(crate) operation: String,
    /// Region of the credential scope.
    pub(crate) region: String,
    /// Access key of the credential scope; says nothing about who the caller is.
    pub(crate) access_key: String,
    /// Host and port by which the caller reached us.
    pub(crate) authority: String,
    /// What is sent, as JSON would carry it; without nulls.
    pub(crate) input: Input,
    /// Identifier of this call, answered in `x-amzn-RequestId`.
    pub(crate) request_id: String,
}

/// Without the input: it may carry a secret.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("service", &self.service)
            .field("operation", &self.operation)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// A call's answer: a document, or null; or what comes over time. No `Debug`: it may carry a secret.
pub(crate) enum Reply {
    /// The answer's members.
    Json(Value),
    /// Events, as a door gives them.
    Events(Pin<Box<dyn Stream<Item = Result<Event, AwsError>> + Send>>),
}
