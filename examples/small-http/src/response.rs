//! Writes one response with its length, so that the connection can be used again.

use std::io::{self, Write};

/// What a handler answers.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The value of Content-Type.
    pub content_type: &'static str,
    /// Sent with a Content-Length.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns a plain-text response.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into().into_bytes() }
    }

    /// Returns a response whose body is already JSON.
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "application/json", body: body.into().into_bytes() }
    }

    pub(crate) fn write(&self, to: &mut impl Write, keep_alive: bool, with_body: bool) -> io::Result<()> {
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let mut out = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len(),
        )
        .into_bytes();
        if with_body {
            out.extend_from_slice(&self.body);
        }
        to.write_all(&out)
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Answer",
    }
}
