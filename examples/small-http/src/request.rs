//! Reads one request from a connection. Refuses what it cannot frame with certainty.

use std::io::{self, BufRead, Read as _};

use crate::Response;

const MAX_HEAD: u64 = 64 * 1024;
const MAX_BODY: u64 = 16 * 1024 * 1024;

/// One request, its body read in full.
#[derive(Debug)]
pub struct Request {
    /// The method as sent, in capitals.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Names in lower case, values trimmed, in the order sent.
    pub headers: Vec<(String, String)>,
    /// Empty when the request had none.
    pub body: Vec<u8>,
    http_1_0: bool,
}

pub(crate) enum Read {
    Request(Request),
    Ended,
    Refused(Response),
}

impl Request {
    /// Returns the target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Returns the first value of a query parameter, not percent-decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
    }

    /// Returns the first header of this name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        match self.header("connection").map(str::to_ascii_lowercase) {
            Some(words) => words.split(',').all(|word| word.trim() != "close"),
            None => !self.http_1_0,
        }
    }
}

pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Read> {
    let mut head = reader.take(MAX_HEAD);
    let mut first = String::new();
    if head.read_line(&mut first)? == 0 {
        return Ok(Read::Ended);
    }
    let mut words = first.split_ascii_whitespace();
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
        return Ok(Read::Refused(Response::text(400, "not a request line\n")));
    };
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        http_1_0: version == "HTTP/1.0",
    };
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(Read::Refused(Response::text(431, "the head is too long or was cut off\n")));
        }
        if line.trim_end().is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Ok(Read::Refused(Response::text(400, "a header without a colon\n")));
        };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    read_body(reader, request)
}

fn read_body(reader: &mut impl BufRead, mut request: Request) -> io::Result<Read> {
    if request.header("transfer-encoding").is_some() {
        return Ok(Read::Refused(Response::text(411, "send a Content-Length\n")));
    }
    let mut lengths = request.headers.iter().filter(|(name, _)| name == "content-length").map(|(_, value)| value);
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => 0,
        (Some(only), None) => match only.parse::<u64>() {
            Ok(length) if length <= MAX_BODY => length,
            Ok(_) => return Ok(Read::Refused(Response::text(413, "the body is too long\n"))),
            Err(_) => return Ok(Read::Refused(Response::text(400, "Content-Length is no number\n"))),
        },
        (Some(_), Some(_)) => return Ok(Read::Refused(Response::text(400, "two lengths\n"))),
    };
    let read = reader.take(length).read_to_end(&mut request.body)?;
    Ok(if (read as u64) < length { Read::Ended } else { Read::Request(request) })
}
