//! How are names answered that the platform knows itself? A question and what its name means in, a message out. Pure.

use std::net::Ipv4Addr;

use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SRV, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use platform_core::names::{Answer, Data, RecordKind, Resolution};

use super::LARGEST_DATAGRAM;
use super::message::Question;

/// The largest datagram for who says nothing of it (RFC 1035, 4.2.1).
const LARGEST_PLAIN: u16 = 512;

/// What becomes of a question.
pub(super) enum Own {
    /// Others know the name.
    Elsewhere,
    /// This is the answer.
    Known(Vec<u8>),
    /// The name is another's, which others know: what they say of that one comes behind these records.
    Behind(Vec<Record>, Query),
}

/// Returns the name and the type to look for; none if no name of ours has such records.
pub(super) fn asked(query: &Query) -> Option<(String, RecordKind)> {
    if query.query_class() != DNSClass::IN {
        return None;
    }
    let kind = match query.query_type() {
        RecordType::AAAA => RecordKind::Aaaa,
        RecordType::CNAME => RecordKind::Cname,
        RecordType::SRV => RecordKind::Srv,
        RecordType::TXT => RecordKind::Txt,
        // Of other types we have none; whether the name is ours, its addresses tell as well.
        _ => RecordKind::A,
    };
    Some((text(query.name()), kind))
}

/// Returns what is answered, given what the name means. `balancer` is where tasks reach the load balancer.
pub(super) fn decide(question: &Question, means: Resolution, balancer: Ipv4Addr, is_datagram: bool) -> Own {
    let (code, answers) = match means {
        Resolution::NotOurs => return Own::Elsewhere,
        Resolution::NoSuchName => (ResponseCode::NXDomain, Vec::new()),
        Resolution::Records(answers) => (ResponseCode::NoError, answers),
    };
    let query = question.query();
    let kind = query.query_type();
    let records = answers.iter().filter_map(|answer| record(answer, query.name(), balancer));
    // A name of other records alone has none of this type; the answer still says that it is an alias.
    let records: Vec<Record> =
        records.filter(|record| [kind, RecordType::CNAME].contains(&record.record_type())).collect();
    if let Some(Record { data: RData::CNAME(CNAME(target)), .. }) = records.last()
        && kind != RecordType::CNAME
    {
        let query = Query::query(target.clone(), kind);
        return Own::Behind(records, query);
    }
    Own::Known(message(question, code, records, is_datagram))
}

/// Returns records and what others said of the name behind them as one answer.
pub(super) fn joined(question: &Question, mut records: Vec<Record>, said: &[u8], is_datagram: bool) -> Vec<u8> {
    let code = match Message::from_vec(said) {
        Ok(said) => {
            records.extend(said.answers);
            said.metadata.response_code
        }
        Err(_) => ResponseCode::ServFail,
    };
    message(question, code, records, is_datagram)
}

fn message(question: &Question, code: ResponseCode, records: Vec<Record>, is_datagram: bool) -> Vec<u8> {
    let Some(asked) = question.message() else { return question.failed() };
    let mut message = Message::new(asked.metadata.id, MessageType::Response, asked.metadata.op_code);
    message.metadata.response_code = code;
    message.metadata.recursion_desired = asked.metadata.recursion_desired;
    message.metadata.recursion_available = true;
    message.add_query(question.query().clone());
    message.add_answers(records);
    let mut most = LARGEST_PLAIN;
    if let Some(edns) = &asked.edns {
        most = edns.max_payload().max(LARGEST_PLAIN);
        let mut own = Edns::new();
        own.set_max_payload(u16::try_from(LARGEST_DATAGRAM).unwrap_or(u16::MAX));
        message.set_edns(own);
    }
    match message.to_vec() {
        Ok(wire) if !is_datagram || wire.len() <= usize::from(most) => wire,
        // A client that gets this asks again over TCP (RFC 1035, 4.2.1).
        Ok(_) => message.truncate().to_vec().unwrap_or_else(|_| question.failed()),
        Err(_) => question.failed(),
    }
}

/// `asked` is spelt as who asked has it: some resolvers believe nothing else.
fn record(answer: &Answer, asked: &Name, balancer: Ipv4Addr) -> Option<Record> {
    let owner = name(&answer.name).filter(|owner| owner != asked).unwrap_or_else(|| asked.clone());
    let data = match &answer.data {
        Data::A(address) => RData::A(A(*address)),
        Data::Balancer => RData::A(A(balancer)),
        Data::Aaaa(address) => RData::AAAA(AAAA(*address)),
        Data::Cname(target) => RData::CNAME(CNAME(name(target)?)),
        Data::Srv { priority, weight, port, target } => RData::SRV(SRV::new(*priority, *weight, *port, name(target)?)),
        Data::Txt(texts) => RData::TXT(TXT::from_bytes(texts.iter().map(Vec::as_slice).collect())),
    };
    Some(Record::from_rdata(owner, answer.ttl, data))
}

/// Writes a name as Route 53 does: what is no letter, digit, hyphen or underscore as three octal digits.
fn text(name: &Name) -> String {
    let mut out = String::new();
    for label in name.iter() {
        for byte in label {
            match byte.to_ascii_lowercase() {
                plain @ (b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') => out.push(char::from(plain)),
                other => out.push_str(&format!("\\{other:03o}")),
            }
        }
        out.push('.');
    }
    if out.is_empty() { ".".to_owned() } else { out }
}

/// Reads what [`text`] writes.
fn name(text: &str) -> Option<Name> {
    let label = |label: &str| {
        let mut out = Vec::new();
        let mut rest = label.as_bytes();
        while let Some((byte, after)) = rest.split_first() {
            let digits = after.get(..3).filter(|_| *byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
            match digits.map(|digits| u8::from_str_radix(digits, 8)) {
                Some(Ok(escaped)) => {
                    out.push(escaped);
                    rest = &after[3..];
                }
                _ => {
                    out.push(*byte);
                    rest = after;
                }
            }
        }
        out
    };
    let labels: Vec<Vec<u8>> = text.trim_end_matches('.').split('.').map(label).collect();
    let mut name = Name::from_labels(labels.iter().map(Vec::as_slice)).ok()?;
    name.set_fqdn(true);
    Some(name)
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::OpCode;

    use super::super::message::{Incoming, incoming};
    use super::*;

    const BALANCER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

    fn question(name: &str, kind: RecordType, payload: Option<u16>) -> Question {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        if let Some(payload) = payload {
            let mut edns = Edns::new();
            edns.set_max_payload(payload);
            message.set_edns(edns);
        }
        match incoming(message.to_vec().unwrap()) {
            Incoming::Ask(question) => question,
            _ => panic!("{name} is a question"),
        }
    }

    fn answer(name: &str, data: Data) -> Answer {
        Answer { name: name.to_owned(), ttl: 10, data }
    }

    fn known(question: &Question, means: Resolution, is_datagram: bool) -> Message {
        match decide(question, means, BALANCER, is_datagram) {
            Own::Known(wire) => Message::from_vec(&wire).unwrap(),
            _ => panic!("it is known"),
        }
    }

    fn told(message: &Message) -> Vec<String> {
        message.answers.iter().map(|record| format!("{} {} {}", record.name, record.ttl, record.data)).collect()
    }

    #[test]
    fn a_name_of_ours_is_answered_as_it_was_asked() {
        let asked = question("Api.shop.local.", RecordType::A, Some(1232));
        let address = |last| answer("api.shop.local.", Data::A(Ipv4Addr::new(10, 77, 0, last)));
        let message = known(&asked, Resolution::Records(vec![address(5), address(6)]), true);
        assert_eq!(told(&message), ["Api.shop.local. 10 10.77.0.5", "Api.shop.local. 10 10.77.0.6"]);
        let head = &message.metadata;
        assert_eq!((head.id, head.recursion_desired, head.recursion_available), (7, true, true));
        assert!(message.edns.is_some(), "RFC 6891, 6.1.1: who sends an OPT gets one");
        let of_balancer = known(&asked, Resolution::Records(vec![answer("api.shop.local.", Data::Balancer)]), true);
        assert_eq!(told(&of_balancer), ["Api.shop.local. 10 10.77.0.1"]);
        let message = known(&question("x.shop.local.", RecordType::A, None), Resolution::NoSuchName, true);
        assert_eq!((message.metadata.response_code, message.edns), (ResponseCode::NXDomain, None));
        assert!(matches!(decide(&asked, Resolution::NotOurs, BALANCER, true), Own::Elsewhere));
    }

    #[test]
    fn every_type_has_its_form() {
        let check = |kind: RecordType, data: Data, expected: &str| {
            let asked = question("a.b.", kind, None);
            let (name, looked) = super::asked(asked.query()).unwrap();
            assert_eq!((name.as_str(), looked.as_str()), ("a.b.", kind.to_string().as_str()));
            let means = Resolution::Records(vec![answer("a.b.", data)]);
            assert_eq!(told(&known(&asked, means, true)), [format!("a.b. 10 {expected}")]);
        };
        check(RecordType::AAAA, Data::Aaaa("fd00::1".parse().unwrap()), "fd00::1");
        check(RecordType::CNAME, Data::Cname("c.d.".into()), "c.d.");
        let target = "t.a.b.".to_owned();
        check(RecordType::SRV, Data::Srv { priority: 1, weight: 1, port: 80, target }, "1 1 80 t.a.b.");
        check(RecordType::TXT, Data::Txt(vec![b"one".to_vec()]), "one");
        // Of a type that we never have, a name of ours has none.
        let mx = question("a.b.", RecordType::MX, None);
        let means = Resolution::Records(vec![answer("a.b.", Data::A(BALANCER))]);
        let message = known(&mx, means, true);
        assert_eq!((told(&message).len(), message.metadata.response_code), (0, ResponseCode::NoError));
    }

    #[test]
    fn names_keep_every_byte() {
        let odd = Name::from_labels([&b"a.b*"[..], b"X_1"]).unwrap();
        assert_eq!(text(&odd), "a\\056b\\052.x_1.");
        assert_eq!(name("a\\056b\\052.x_1.").unwrap().to_lowercase(), odd.to_lowercase());
        assert_eq!(text(&Name::root()), ".");
    }

    #[test]
    fn what_is_anothers_is_followed_and_joined() {
        let asked = question("www.shop.local.", RecordType::A, None);
        let means = Resolution::Records(vec![answer("www.shop.local.", Data::Cname("cdn.example.com.".into()))]);
        let Own::Behind(records, query) = decide(&asked, means, BALANCER, true) else { panic!("it is another's") };
        assert_eq!((query.name().to_string().as_str(), query.query_type()), ("cdn.example.com.", RecordType::A));
        let mut said = Message::new(9, MessageType::Response, OpCode::Query);
        said.add_answer(Record::from_rdata(query.name().clone(), 60, RData::A(A(Ipv4Addr::new(192, 0, 2, 1)))));
        let wire = joined(&asked, records, &said.to_vec().unwrap(), true);
        let message = Message::from_vec(&wire).unwrap();
        assert_eq!(message.metadata.id, 7);
        assert_eq!(told(&message), ["www.shop.local. 10 cdn.example.com.", "cdn.example.com. 60 192.0.2.1"]);
    }

    #[test]
    fn a_datagram_that_is_too_large_says_so_and_a_connection_has_all() {
        let many = || Resolution::Records(vec![answer("a.b.", Data::Txt(vec![vec![b'x'; 250]; 3]))]);
        let small = question("a.b.", RecordType::TXT, None);
        let cut = known(&small, many(), true);
        assert!(cut.metadata.truncation && cut.answers.is_empty());
        assert_eq!(known(&small, many(), false).answers.len(), 1);
        assert_eq!(known(&question("a.b.", RecordType::TXT, Some(4096)), many(), true).answers.len(), 1);
    }
}
