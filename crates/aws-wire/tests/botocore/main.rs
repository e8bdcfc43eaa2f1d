//! botocore on the other side, for every operation that is served, in every protocol of its service: what it writes is
//! read as what it was asked to write, and what is written here it reads as what was meant.
//!
//! Documents are made up from the models. `client.py` is botocore's side; it needs `python3` with boto3.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the crate is pure, this test is not: it asks botocore"
)]

mod made_up;

use std::io::Write;
use std::process::{Command, Stdio};

use aws_model::model::{Model, Operation};
use aws_model::{AwsError, Document, Protocol, Service};
use aws_wire::{Caller, Reply, answer, cbor, json, query, rest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use made_up::MadeUp;
use serde_json::{Value, json};

/// Documents for each operation and protocol.
const ROUNDS: u64 = 4;

/// One case, before botocore has seen it.
struct Case {
    operation: Operation,
    protocol: Protocol,
    input: Document,
    output: Document,
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Json10 | Protocol::Json11 => "json",
        Protocol::Query => "query",
        Protocol::Ec2 => "ec2",
        Protocol::RestJson => "rest-json",
        Protocol::RestXml => "rest-xml",
        Protocol::RpcV2Cbor => "smithy-rpc-v2-cbor",
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let operations = Service::all().flat_map(|service| service.model().operations());
    for (operation, seed) in operations.zip(0_u64..) {
        for protocol in operation.service().protocols() {
            for round in 0..ROUNDS {
                let mut made_up = MadeUp::new(operation.model(), seed * ROUNDS + round);
                let input = made_up.document(operation.input());
                made_up.has_millis = true;
                let output = made_up.document(operation.output());
                cases.push(Case { operation, protocol: *protocol, input, output });
            }
        }
    }
    cases
}

fn reply(reply: &Reply) -> Value {
    let mut headers: Document =
        reply.headers.iter().map(|(name, value)| (name.to_string(), Value::from(value.as_str()))).collect();
    headers.extend(reply.content_type.map(|kind| ("content-type".to_owned(), kind.into())));
    json!({"status": reply.status, "headers": headers, "body": BASE64_STANDARD.encode(&reply.body)})
}

impl Case {
    fn line(&self) -> Value {
        let service = self.operation.service();
        let caller = Caller { protocol: self.protocol, service: Some(service) };
        let errors = self.operation.errors().map(|shape| {
            let code = shape.error().and_then(|error| error.code).unwrap_or(shape.name);
            let error = AwsError::new(code, "what <is> wrong & why");
            let status = shape.error().and_then(|error| error.status).unwrap_or(400);
            json!({"name": shape.name, "code": code, "status": status,
                "reply": reply(&answer::error(caller, Some(self.operation), &error, "the-id"))})
        });
        json!({
            "service": service.cli_name(), "operation": self.operation.name(), "protocol": name(self.protocol),
            "input": self.input, "output": self.output,
            "reply": reply(&answer::success(self.protocol, self.operation, self.output.clone(), "the-id")),
            "errors": errors.collect::<Vec<_>>(),
        })
    }

    /// Reads the request that botocore wrote.
    fn read(&self, request: &Value) -> Result<Document, AwsError> {
        let text = |name: &str| request[name].as_str().unwrap().to_owned();
        let body = BASE64_STANDARD.decode(text("body")).unwrap();
        match self.protocol {
            Protocol::Json10 | Protocol::Json11 => json::read(&body),
            Protocol::RpcV2Cbor => cbor::read(&body),
            Protocol::Query | Protocol::Ec2 => {
                query::read(self.operation, query::pairs(std::str::from_utf8(&body).unwrap()))
            }
            Protocol::RestJson | Protocol::RestXml => {
                let (path, pairs) = (text("path"), query::pairs(&text("query")));
                let (found, labels) = rest::find(self.operation.service(), &text("method"), &path).unwrap();
                assert_eq!(found.name(), self.operation.name(), "{path}");
                let headers = request["headers"].as_object().unwrap().iter();
                let headers = headers.map(|(name, value)| {
                    (name.parse::<http::HeaderName>().unwrap(), value.as_str().unwrap().parse().unwrap())
                });
                let headers = headers.collect();
                let request = rest::Request { labels, query: &pairs, headers: &headers, body: &body };
                rest::read(self.protocol, self.operation, request)
            }
        }
    }
}

#[test]
fn botocore_and_the_codec_understand_each_other() {
    testhost::needs_boto3!();
    let cases = cases();
    let lines: String = cases.iter().map(|case| format!("{}\n", case.line())).collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/botocore/client.py");
    let mut client = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = client.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "the client ended early; what it said is above");
    writer.join().unwrap().unwrap();
    let said: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), cases.len());
    let mut faults = Vec::new();
    let mut checked = 0;
    for (case, said) in cases.iter().zip(&said) {
        let place = format!("{} {} {:?}", case.operation.service().cli_name(), case.operation.name(), case.protocol);
        if said["unknown"] == true {
            continue; // This botocore is older than the model.
        }
        checked += 1;
        faults.extend(said["faults"].as_array().unwrap().iter().map(|fault| format!("{place}: {fault}")));
        match case.read(&said["request"]) {
            // Of an older botocore, the members that it knows.
            Ok(document) if Value::Object(document.clone()) == said["input"] => {}
            Ok(document) => {
                faults.push(format!("{place}:\n  sent {}\n  read {}", said["input"], Value::Object(document)))
            }
            Err(error) => {
                faults.push(format!("{place}: {error}\n  sent {}\n  as   {}", said["input"], said["request"]))
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(8)].join("\n"));
    assert!(checked > 1_000, "{checked}");
    println!("{checked} cases");
}

/// Every model has something to make up.
#[test]
fn documents_are_made_up_with_members() {
    let is_empty = |operation: Operation| {
        let has_members = |model: &Model| {
            operation.input().and_then(|id| model.shape(id).structure()).is_some_and(|s| !s.members.is_empty())
        };
        has_members(operation.model()) && MadeUp::new(operation.model(), 7).document(operation.input()).is_empty()
    };
    let empty: Vec<&str> =
        Service::all().flat_map(|s| s.model().operations()).filter(|o| is_empty(*o)).map(Operation::name).collect();
    assert!(empty.is_empty(), "{empty:?}");
}
