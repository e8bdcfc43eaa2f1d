//! What a call is answered, in the caller's protocol: a document, or an error.

mod error;
mod rest;
mod success;

use std::borrow::Cow;

use aws_model::{Protocol, Service};

pub use error::error;
pub use success::success;

/// The bytes of an answer and what its head says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// What the body is; none if there is no body.
    pub content_type: Option<&'static str>,
    /// Headers besides that one and the request's identifier.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// How a caller speaks, as far as it is known when an answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The protocol that it speaks.
    pub protocol: Protocol,
    /// The service that it speaks to, if it is one of ours: its namespace is in XML.
    pub service: Option<Service>,
}

impl Caller {
    /// Whether its errors have codes that end in `Exception` where the JSON services' do: `AccessDeniedException`
    /// there, `AccessDenied` in the XML protocols (API references, "Common Errors").
    pub fn says_exception(self) -> bool {
        !self.protocol.is_xml()
    }
}

fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::RestJson => "application/json",
        Protocol::RpcV2Cbor => "application/cbor",
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => "text/xml",
    }
}

/// Every answer of RPC v2 says what it is.
fn rpc_v2() -> (Cow<'static, str>, String) {
    ("smithy-protocol".into(), "rpc-v2-cbor".to_owned())
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Returns the namespace of a service's XML. Route 53's model says it at the requests alone.
fn namespace(service: Service) -> &'static str {
    match service.xml_namespace() {
        "" => service.model().operations().find_map(|operation| operation.root().1).unwrap_or_default(),
        namespace => namespace,
    }
}
