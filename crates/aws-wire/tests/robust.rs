//! Whatever a caller sends is read or refused, with a code that the caller's side may be blamed for; nothing panics.
#![allow(clippy::unwrap_used, reason = "a test")]

use aws_model::model::Operation;
use aws_model::{AwsError, Document, Protocol, Service};
use aws_wire::{cbor, json, query, rest};
use http::HeaderMap;
use proptest::prelude::*;

fn operation() -> impl Strategy<Value = Operation> {
    let all: Vec<Operation> = Service::all().flat_map(|service| service.model().operations()).collect();
    proptest::sample::select(all)
}

/// Names that mean something in some model, and much that does not.
fn name() -> impl Strategy<Value = String> {
    let words = [
        "Filter",
        "member",
        "entry",
        "1",
        "2",
        "0",
        "99999999999999999999",
        "key",
        "value",
        "Name",
        "Tags",
        "",
        "é",
        "-1",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 1..6).prop_map(|words| words.join("."))
}

fn is_refusal(read: Result<Document, AwsError>, value: &str) -> Result<(), TestCaseError> {
    if let Err(error) = read {
        prop_assert_eq!(error.status, 400);
        prop_assert!(value.len() < 12 || !error.message.contains(value), "{} quotes a value", error);
    }
    Ok(())
}

proptest! {
    #[test]
    fn forms(operation in operation(), names in proptest::collection::vec(name(), 0..8), value in "secret-[a-z]{8}|[0-9]{0,3}|true|") {
        let pairs = names.into_iter().map(|name| (name, value.clone())).collect();
        is_refusal(query::read(operation, pairs), &value)?;
    }

    #[test]
    fn members_that_the_model_has(operation in operation(), at in any::<usize>(), tail in name(), value in "secret-[a-z]{8}|") {
        let members = operation.input().and_then(|id| operation.model().shape(id).structure()).map(|s| &s.members);
        let Some(member) = members.filter(|m| !m.is_empty()).map(|m| &m[at % m.len()]) else { return Ok(()) };
        let pairs = vec![(member.wire_name().to_owned(), value.clone()), (format!("{}.{tail}", member.name), value.clone())];
        for pair in &pairs {
            is_refusal(query::read(operation, vec![pair.clone()]), &value)?;
        }
        is_refusal(query::read(operation, pairs), &value)?;
    }

    #[test]
    fn bodies(operation in operation(), body in "(<[a-zA-Z/!?]{0,9}>|&[a-z]{0,4};|[a-z ]{0,5}|[{}\\[\\]\",:0-9]|\\PC){0,40}") {
        is_refusal(json::read(body.as_bytes()), "secret-is-none")?;
        is_refusal(cbor::read(body.as_bytes()), "secret-is-none")?;
        for protocol in [Protocol::RestXml, Protocol::RestJson] {
            let request = rest::Request { labels: Vec::new(), query: &[], headers: &HeaderMap::new(), body: body.as_bytes() };
            is_refusal(rest::read(protocol, operation, request), "secret-is-none")?;
        }
        is_refusal(query::read(operation, query::pairs(&body)), "secret-is-none")?;
    }

    #[test]
    fn paths(method in "GET|POST|PUT|DELETE|[A-Z]{1,5}", path in "(/|[a-z0-9.%-]|/2013-04-01/hostedzone/){0,12}") {
        for service in Service::all() {
            if let Some((found, labels)) = rest::find(service, &method, &path) {
                prop_assert_eq!(found.method(), method.as_str());
                prop_assert!(labels.iter().all(|(_, text)| !text.is_empty()), "{:?}", labels);
            }
        }
    }
}
