//! Every operation that is served, through the front: what its model allows ends in no fault of ours, and what its
//! model forbids is refused as the service refuses it. No operation needs a case written by hand.
//!
//! A debug build answers a fault for an answer that is not the model's, so that this holds answers too.

mod cbor;
mod form;
mod request;
mod rest;

use std::collections::BTreeSet;

use aws_model::check::{self, Rule};
use aws_model::model::{Kind, Operation, Shape};
use aws_model::{AwsError, Document, Protocol, Service, page};
use platform_core::Ids;
use testkit::documents::{Extent, forbidden, valid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{DATE, Server};
use request::Request;

/// How many forbidden inputs of one operation are sent: a task definition has hundreds.
const FORBIDDEN: usize = 25;

/// Every protocol that a served operation is asked in.
const WRITTEN: [&str; 7] = ["Ec2", "Json10", "Json11", "Query", "RestJson", "RestXml", "RpcV2Cbor"];

/// One connection that goes on.
struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    async fn open(server: &Server) -> Self {
        Self { stream: TcpStream::connect(server.address).await.unwrap(), read: Vec::new() }
    }

    /// Sends a request, and returns the status and the body of its answer.
    async fn ask(&mut self, Request { line, headers, body }: Request) -> (u16, String) {
        let mut head = format!("{line} HTTP/1.1\r\nhost: 127.0.0.1\r\n{DATE}\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
        self.stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).await.unwrap();
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("an answer has a length");
        let length: usize = length.trim().parse().unwrap();
        while self.read.len() < end + length {
            self.more().await;
        }
        let body = String::from_utf8_lossy(&self.read[end..end + length]).into_owned();
        self.read.drain(..end + length);
        (status, body)
    }

    async fn more(&mut self) {
        let mut piece = [0; 1 << 16];
        let count = self.stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "the front ended the connection");
        self.read.extend_from_slice(&piece[..count]);
    }

    async fn call(&mut self, served: Served, input: &Document) -> (u16, String) {
        self.ask(request::of(served, input).expect("only what can be written is asked")).await
    }
}

/// An operation, and one of the protocols that it is called in.
type Served = (Operation, Protocol);

/// What the front is to say to an input, as far as the model knows.
fn refusal((operation, protocol): Served, input: &Document) -> Option<AwsError> {
    let arrived = request::arrived((operation, protocol), input);
    arrived.and_then(|mut input| check::admit(operation, &mut input)).err()
}

/// Whether an operation goes on answering until the caller has enough.
fn is_stream(operation: Operation) -> bool {
    let model = operation.model();
    let members = operation.output().and_then(|shape| model.shape(shape).structure());
    members.into_iter().flat_map(|structure| &structure.members).any(
        |member| matches!(&model.shape(member.shape).kind, Kind::Structure(structure) if structure.is_event_stream),
    )
}

/// The operations that are served, in each of their protocols that this test writes.
async fn served(line: &mut Line) -> Vec<Served> {
    let mut served = Vec::new();
    let mut ids = Ids::new(16);
    for operation in Service::all().flat_map(|service| service.model().operations()) {
        for protocol in operation.service().protocols() {
            let one = (operation, *protocol);
            // What stands in a path must be there; nothing else is asked for.
            let is_rest = matches!(protocol, Protocol::RestJson | Protocol::RestXml);
            let input = if is_rest { valid(operation, Extent::Least, &mut ids) } else { Document::new() };
            if is_stream(operation) || request::of(one, &input).is_none() {
                continue;
            }
            if line.call(one, &input).await.0 != 501 {
                served.push(one);
            }
        }
    }
    let has = |service: Service| served.iter().any(|(operation, _)| operation.service() == service);
    let unasked: Vec<&str> = Service::all().filter(|service| !has(*service)).map(Service::cli_name).collect();
    assert!(unasked.is_empty(), "{unasked:?}: nothing of them is asked");
    assert!(served.len() > 200, "{} operations are served", served.len());
    let seen: BTreeSet<String> = served.iter().map(|(_, protocol)| format!("{protocol:?}")).collect();
    assert_eq!(seen, WRITTEN.map(str::to_owned).into(), "a protocol that no operation was asked in");
    served
}

fn name((operation, protocol): Served) -> String {
    format!("{} {} in {protocol:?}", operation.service().cli_name(), operation.name())
}

fn assert_none(wrong: &[String], count: usize) {
    let first: Vec<&str> = wrong.iter().take(30).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), first.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_allows_ends_in_no_fault() {
    let server = Server::start().await;
    let mut line = Line::open(&server).await;
    let mut ids = Ids::new(17);
    let (mut count, mut wrong) = (0, Vec::new());
    for one in served(&mut line).await {
        for extent in [Extent::Least, Extent::All].into_iter().chain([Extent::Some; 4]) {
            let input = valid(one.0, extent, &mut ids);
            let (status, body) = line.call(one, &input).await;
            count += 1;
            if status >= 500 {
                wrong.push(format!("{} {status} {body}: {input:?}", name(one)));
            }
        }
    }
    assert_none(&wrong, count);
    assert!(count > 1_000, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_no_list_gave_is_refused() {
    let server = Server::start().await;
    let mut line = Line::open(&server).await;
    let mut ids = Ids::new(19);
    let (mut count, mut wrong) = (0, Vec::new());
    for one in served(&mut line).await {
        let Some((member, _)) = page::members(one.0) else { continue };
        for token in ["c29tZWJvZHlz", "arn:aws:ecs:us-east-1:123456789012:cluster/default"] {
            let mut input = valid(one.0, Extent::Least, &mut ids);
            input.insert(member.to_owned(), token.into());
            let (status, body) = line.call(one, &input).await;
            count += 1;
            if status != 400 || !(body.contains("oken") || body.contains("arker")) {
                wrong.push(format!("{} {status} {body}", name(one)));
            }
        }
    }
    assert_none(&wrong, count);
    assert!(count > 100, "{count}");
}

/// The code of an error, and the name of its shape, by which it goes where a service was one of Query before.
fn codes(operation: Operation, error: &AwsError) -> impl Iterator<Item = &str> {
    let is_it = |shape: &&Shape| shape.error().and_then(|declared| declared.code) == Some(&error.code);
    operation.errors().filter(is_it).map(|shape| shape.name).chain([&*error.code])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_forbids_is_refused_as_the_service_does() {
    let server = Server::start().await;
    let mut line = Line::open(&server).await;
    let mut ids = Ids::new(18);
    let (mut count, mut wrong) = (0, Vec::new());
    for one in served(&mut line).await {
        let operation = one.0;
        let cases = forbidden(operation, &mut ids);
        for case in cases.iter().step_by(cases.len().div_ceil(FORBIDDEN).max(1)) {
            // Without what stands in the path it is a call of another address.
            let Some(request) = request::of(one, &case.input) else { continue };
            let (status, body) = line.ask(request).await;
            count += 1;
            let refusal = refusal(one, &case.input);
            let is_told = match &refusal {
                Some(error) => status == 400 && codes(operation, error).any(|code| body.contains(code)),
                // Its own words, or something that is as good as absent.
                None => status < 500,
            };
            let is_own = operation.name() == "RegisterTaskDefinition" && case.rule == Rule::Missing;
            if !is_told || (is_own && status != 400) {
                let said = refusal.map_or_else(String::new, |error| error.to_string());
                wrong.push(format!("{} {} {:?}: {status} {body}; not {said}", name(one), case.place, case.rule));
            }
        }
    }
    assert_none(&wrong, count);
    assert!(count > 2_000, "{count}");
}
