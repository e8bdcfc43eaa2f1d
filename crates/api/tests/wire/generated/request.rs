//! Writes a call in one protocol, as clients do, and says what of its input arrives.

use aws_model::{AwsError, Document, Protocol};
use serde_json::Value;

use super::{Served, cbor, form, rest};
use crate::server::{FORM, signed};

/// A request that can be sent.
pub(super) struct Request {
    /// Method and path.
    pub(super) line: String,
    pub(super) headers: Vec<String>,
    pub(super) body: Vec<u8>,
}

/// Returns the request of a call; none for an input without what stands in the path: that is another address.
pub(super) fn of((operation, protocol): Served, input: &Document) -> Option<Request> {
    let (service, name) = (operation.service(), operation.name());
    let prefix = service.target_prefix();
    let (line, headers, body) = match protocol {
        Protocol::Json10 | Protocol::Json11 => {
            let version = if protocol == Protocol::Json10 { "1.0" } else { "1.1" };
            let headers = vec![
                format!("x-amz-target: {prefix}.{name}"),
                format!("content-type: application/x-amz-json-{version}"),
            ];
            ("POST /".to_owned(), headers, Value::Object(input.clone()).to_string().into_bytes())
        }
        Protocol::Query | Protocol::Ec2 => {
            ("POST /".to_owned(), vec![FORM.to_owned()], form::of(operation, input).into_bytes())
        }
        Protocol::RpcV2Cbor => {
            let line = format!("POST /service/{prefix}/operation/{name}");
            let headers = ["smithy-protocol: rpc-v2-cbor", "content-type: application/cbor"].map(str::to_owned);
            (line, headers.into(), cbor::of(operation, input))
        }
        Protocol::RestJson | Protocol::RestXml => {
            let rest = rest::of((operation, protocol), input)?;
            (format!("{} {}", operation.method(), rest.target()), Vec::new(), rest.body.into_bytes())
        }
    };
    let headers = [vec![signed(service.signing_name())], headers].concat();
    Some(Request { line, headers, body })
}

/// Returns the document that the front makes of a call, before it is held against the model.
pub(super) fn arrived((operation, protocol): Served, input: &Document) -> Result<Document, AwsError> {
    match protocol {
        Protocol::Query | Protocol::Ec2 => {
            aws_wire::query::read(operation, aws_wire::query::pairs(&form::of(operation, input)))
        }
        Protocol::RpcV2Cbor => aws_wire::cbor::read(&cbor::of(operation, input)),
        Protocol::RestJson | Protocol::RestXml => {
            rest::of((operation, protocol), input).expect("only what can be written is asked").arrived()
        }
        Protocol::Json10 | Protocol::Json11 => Ok(input.clone()),
    }
}
