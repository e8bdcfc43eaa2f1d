//! The protocols in which AWS's services are spoken to (Smithy specification, "AWS Protocols").

/// How a request and its answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// A JSON body, the operation in `X-Amz-Target`; version 1.0.
    Json10,
    /// The same; version 1.1.
    Json11,
    /// Form parameters in, XML out.
    Query,
    /// EC2's own form of Query: flat lists, other names, another wrapping of errors.
    Ec2,
    /// Path, query and headers, and a JSON body.
    RestJson,
    /// Path, query and headers, and an XML body.
    RestXml,
    /// Smithy's RPC v2: the operation in the path, CBOR in the body.
    RpcV2Cbor,
}

impl Protocol {
    /// Whether bodies are JSON.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Json10 | Self::Json11 | Self::RestJson)
    }

    /// Whether answers are XML.
    pub fn is_xml(self) -> bool {
        matches!(self, Self::Query | Self::Ec2 | Self::RestXml)
    }
}
