//! Every operation that is served, through the front: what its model allows ends in no fault of ours, and what its
//! model forbids is refused as the service refuses it. Nobody writes a case for an operation.
//!
//! A debug build answers a fault for an answer that is not the model's, so that this holds answers too.

mod form;
mod rest;

use aws_model::check::{self, Rule};
use aws_model::model::{Kind, Operation};
use aws_model::{AwsError, Document, Protocol, Service};
use platform_core::Ids;
use testkit::documents::{Extent, forbidden, valid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{DATE, FORM, Server, signed};

/// How many forbidden inputs of one operation are sent: a task definition has hundreds.
const FORBIDDEN: usize = 25;

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
    async fn ask(&mut self, asked: &Asked) -> (u16, String) {
        let Asked { method, target, headers, body } = asked;
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n{DATE}\r\n");
        headers.iter().for_each(|header| request.push_str(&format!("{header}\r\n")));
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        self.stream.write_all(request.as_bytes()).await.unwrap();
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

    async fn call(&mut self, operation: Operation, input: &Document) -> (u16, String) {
        self.ask(&request(operation, input).expect("only what can be written is asked")).await
    }
}

/// What is sent.
struct Asked {
    method: &'static str,
    target: String,
    headers: Vec<String>,
    body: String,
}

/// A call as clients write it; none for a protocol that this test does not write, and for an input without what stands in
/// the path, which is another address.
fn request(operation: Operation, input: &Document) -> Option<Asked> {
    let service = operation.service();
    let scope = signed(service.signing_name());
    let has = |wanted: &[Protocol]| service.protocols().iter().any(|protocol| wanted.contains(protocol));
    let post = |header: String, body: String| Asked {
        method: "POST",
        target: "/".to_owned(),
        headers: vec![scope.clone(), header],
        body,
    };
    if has(&[Protocol::Json10, Protocol::Json11]) {
        let target = format!("x-amz-target: {}.{}", service.target_prefix(), operation.name());
        return Some(post(target, serde_json::Value::Object(input.clone()).to_string()));
    }
    if has(&[Protocol::Query, Protocol::Ec2]) {
        return Some(post(FORM.to_owned(), form::of(operation, input)));
    }
    let rest = has(&[Protocol::RestXml]).then(|| rest::of(operation, input)).flatten()?;
    Some(Asked { method: operation.method(), target: rest.target(), headers: vec![scope], body: rest.body })
}

/// What the front is to say to an input, as far as the model knows.
fn refusal(operation: Operation, input: &Document) -> Option<AwsError> {
    let protocols = operation.service().protocols();
    let arrived = if protocols.iter().any(|protocol| protocol.is_json()) {
        Ok(input.clone())
    } else if protocols.contains(&Protocol::RestXml) {
        rest::of(operation, input)?.read(operation)
    } else {
        aws_wire::query::read(operation, aws_wire::query::pairs(&form::of(operation, input)))
    };
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

/// The operations that are served, in the protocols that this test writes.
async fn served(line: &mut Line) -> Vec<Operation> {
    let mut ids = Ids::new(16);
    let mut served = Vec::new();
    for operation in Service::all().flat_map(|service| service.model().operations()) {
        // What stands in a path must be there; nothing else is asked for.
        let is_rest = operation.service().protocols().contains(&Protocol::RestXml);
        let input = if is_rest { valid(operation, Extent::Least, &mut ids) } else { Document::new() };
        if is_stream(operation) || request(operation, &input).is_none() {
            continue;
        }
        if line.call(operation, &input).await.0 != 501 {
            served.push(operation);
        }
    }
    let has = |service: Service| served.iter().any(|operation| operation.service() == service);
    let unasked: Vec<&str> = Service::all().filter(|service| !has(*service)).map(Service::cli_name).collect();
    assert!(unasked.is_empty(), "{unasked:?}: nothing of them is asked");
    assert!(served.len() > 200, "{} operations are served", served.len());
    served
}

fn name(operation: Operation) -> String {
    format!("{} {}", operation.service().cli_name(), operation.name())
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
    for operation in served(&mut line).await {
        for extent in [Extent::Least, Extent::All].into_iter().chain([Extent::Some; 4]) {
            let input = valid(operation, extent, &mut ids);
            let (status, body) = line.call(operation, &input).await;
            count += 1;
            if status >= 500 {
                wrong.push(format!("{} {status} {body}: {input:?}", name(operation)));
            }
        }
    }
    assert_none(&wrong, count);
    assert!(count > 1_000, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_forbids_is_refused_as_the_service_does() {
    let server = Server::start().await;
    let mut line = Line::open(&server).await;
    let mut ids = Ids::new(18);
    let (mut count, mut wrong) = (0, Vec::new());
    for operation in served(&mut line).await {
        let cases = forbidden(operation, &mut ids);
        for case in cases.iter().step_by(cases.len().div_ceil(FORBIDDEN).max(1)) {
            let Some(asked) = request(operation, &case.input) else { continue };
            let (status, body) = line.ask(&asked).await;
            count += 1;
            let refusal = refusal(operation, &case.input);
            let is_told = match &refusal {
                Some(error) => status == 400 && body.contains(&*error.code),
                // Its own words, or something that is as good as absent.
                None => status < 500,
            };
            let is_own = operation.name() == "RegisterTaskDefinition" && case.rule == Rule::Missing;
            if !is_told || (is_own && status != 400) {
                let said = refusal.map_or_else(String::new, |error| error.to_string());
                wrong.push(format!("{} {} {:?}: {status} {body}; not {said}", name(operation), case.place, case.rule));
            }
        }
    }
    assert_none(&wrong, count);
    assert!(count > 2_000, "{count}");
}
