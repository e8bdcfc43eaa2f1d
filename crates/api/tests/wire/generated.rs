//! Every operation that is served, through the front: what its model allows ends in no fault of ours, and what its
//! model forbids is refused as the service refuses it. Nobody writes a case for an operation.
//!
//! A debug build answers a fault for an answer that is not the model's, so that this holds answers too.

mod form;

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
    async fn ask(&mut self, headers: &[String], body: &str) -> (u16, String) {
        let mut request = format!("POST / HTTP/1.1\r\nhost: 127.0.0.1\r\n{DATE}\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|header| request.push_str(&format!("{header}\r\n")));
        self.stream.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
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
        let (headers, body) = request(operation, input).expect("only what can be written is asked");
        self.ask(&headers, &body).await
    }
}

/// The headers and the body of a call; none for a protocol that this test does not write.
fn request(operation: Operation, input: &Document) -> Option<(Vec<String>, String)> {
    let service = operation.service();
    let scope = signed(service.signing_name());
    if service.protocols().iter().any(|protocol| matches!(protocol, Protocol::Json10 | Protocol::Json11)) {
        let target = format!("x-amz-target: {}.{}", service.target_prefix(), operation.name());
        return Some((vec![scope, target], serde_json::Value::Object(input.clone()).to_string()));
    }
    let is_form = service.protocols().iter().any(|protocol| matches!(protocol, Protocol::Query | Protocol::Ec2));
    is_form.then(|| (vec![scope, FORM.to_owned()], form::of(operation, input)))
}

/// What the front is to say to an input, as far as the model knows.
fn refusal(operation: Operation, input: &Document) -> Option<AwsError> {
    let is_json = operation.service().protocols().iter().any(|protocol| protocol.is_json());
    let arrived = match is_json {
        true => Ok(input.clone()),
        false => aws_wire::query::read(operation, aws_wire::query::pairs(&form::of(operation, input))),
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
    let mut served = Vec::new();
    for operation in Service::all().flat_map(|service| service.model().operations()) {
        if is_stream(operation) || request(operation, &Document::new()).is_none() {
            continue;
        }
        if line.call(operation, &Document::new()).await.0 != 501 {
            served.push(operation);
        }
    }
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
            let (status, body) = line.call(operation, &case.input).await;
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
