//! Writes what comes over time as `application/vnd.amazon.eventstream` (Smithy, "Amazon Event Stream Specification").
//!
//! A message is its length, the length of its headers, a checksum of these two, headers, payload, and a checksum of
//! all before; numbers are big-endian, checksums CRC-32, and a header's value here is always a text (type 7).

use aws_model::model::{Kind, Model, Operation, ShapeId, Structure};
use aws_model::{AwsError, Document, Protocol};
use serde_json::json;

use crate::cbor;

/// The content type of such an answer.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// Returns the first message of an answer: the members of the output besides the stream, which are none in the models
/// here. The REST protocols have none: there those members are headers.
pub fn first(protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::RestJson | Protocol::RestXml => Vec::new(),
        _ => {
            payload(protocol, [(":message-type", "event"), (":event-type", "initial-response")], None, &Document::new())
        }
    }
}

/// Returns the message of an event: a member of the stream, and its content.
pub fn event(protocol: Protocol, operation: Operation, name: &str, document: &Document) -> Vec<u8> {
    let member = stream(operation).and_then(|stream| stream.member(name));
    let of = member.map(|member| (operation.model(), member.shape));
    payload(protocol, [(":message-type", "event"), (":event-type", name)], of, document)
}

/// Returns the message of an error, which ends the stream: an exception if the stream has it.
pub fn error(protocol: Protocol, operation: Operation, error: &AwsError) -> Vec<u8> {
    let declared = stream(operation).and_then(|stream| {
        let is_it = |name: &str, shape: &str| name == error.code || shape == error.code;
        stream.members.iter().find(|member| is_it(member.name, operation.model().shape(member.shape).name))
    });
    match declared {
        Some(member) => {
            let body = [("message".to_owned(), json!(error.message))].into_iter().collect();
            payload(protocol, [(":message-type", "exception"), (":exception-type", member.name)], None, &body)
        }
        None => {
            let headers =
                [(":message-type", "error"), (":error-code", &*error.code), (":error-message", &*error.message)];
            message(&headers, &[])
        }
    }
}

fn stream(operation: Operation) -> Option<&'static Structure> {
    let model = operation.model();
    let output = model.shape(operation.output()?).structure()?;
    output.members.iter().find_map(|member| match &model.shape(member.shape).kind {
        Kind::Structure(structure) if structure.is_event_stream => Some(structure),
        _ => None,
    })
}

fn payload(
    protocol: Protocol,
    [kind, name]: [(&str, &str); 2],
    of: Option<(&'static Model, ShapeId)>,
    document: &Document,
) -> Vec<u8> {
    let (content_type, body) = match protocol {
        Protocol::RpcV2Cbor => ("application/cbor", cbor::write(of, document)),
        _ => ("application/json", serde_json::to_vec(document).expect("a document can be written")),
    };
    message(&[kind, name, (":content-type", content_type)], &body)
}

/// Writes one message. A header's value is cut at what its length can say.
fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(128);
    for (name, value) in headers {
        let mut end = value.len().min(i16::MAX as usize);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        head.push(u8::try_from(name.len()).expect("the names here are short"));
        head.extend_from_slice(name.as_bytes());
        head.push(7);
        head.extend_from_slice(&u16::try_from(end).unwrap_or_default().to_be_bytes());
        head.extend_from_slice(&value.as_bytes()[..end]);
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = Vec::with_capacity(16 + head.len() + payload.len());
    out.extend_from_slice(&length(16 + head.len() + payload.len()));
    out.extend_from_slice(&length(head.len()));
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_model::Service;

    /// Reads one message as a client does: headers, and payload as text.
    fn read(bytes: &[u8]) -> (Vec<(String, String)>, String) {
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let (total, head) = (number(0) as usize, number(4) as usize);
        assert_eq!(total, bytes.len());
        assert_eq!(number(8), crc32fast::hash(&bytes[..8]));
        assert_eq!(number(total - 4), crc32fast::hash(&bytes[..total - 4]));
        let (mut at, mut headers) = (12, Vec::new());
        let text = |from: usize, length: usize| String::from_utf8(bytes[from..from + length].to_vec()).unwrap();
        while at < 12 + head {
            let name = text(at + 1, bytes[at] as usize);
            at += 1 + name.len();
            assert_eq!(bytes[at], 7);
            let length = u16::from_be_bytes([bytes[at + 1], bytes[at + 2]]) as usize;
            headers.push((name, text(at + 3, length)));
            at += 3 + length;
        }
        (headers, text(at, total - 4 - at))
    }

    fn check(bytes: &[u8], want: &str) {
        let (headers, payload) = read(bytes);
        let headers: Vec<String> = headers.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(format!("{} {payload}", headers.join(" ")), want);
    }

    #[test]
    fn an_empty_message_is_the_specifications() {
        // Smithy's example of a message without headers and payload.
        assert_eq!(message(&[], &[]), [0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff]);
    }

    #[test]
    fn events_exceptions_and_errors_say_what_they_are() {
        check(
            &first(Protocol::Json11),
            ":message-type=event :event-type=initial-response :content-type=application/json {}",
        );
        let Some(tail) = Service::Logs.model().operation("StartLiveTail") else { return };
        let update = [("sessionResults".to_owned(), json!([]))].into_iter().collect();
        let want =
            ":message-type=event :event-type=sessionUpdate :content-type=application/json {\"sessionResults\":[]}";
        check(&event(Protocol::Json11, tail, "sessionUpdate", &update), want);
        let over = AwsError::new("SessionTimeoutException", "three hours");
        let want = ":message-type=exception :exception-type=SessionTimeoutException :content-type=application/json {\"message\":\"three hours\"}";
        check(&error(Protocol::Json11, tail, &over), want);
        let long = AwsError::new("Odd", "é".repeat(40_000));
        let (headers, _) = read(&error(Protocol::Json11, tail, &long));
        assert_eq!((headers[1].1.as_str(), headers[2].1.len()), ("Odd", 32_766));
    }
}
