//! Calls JSON 1.1 operations over one kept connection, so that what is measured is the platform and
//! not the start of a client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Target prefix of ECS.
pub const ECS: &str = "AmazonEC2ContainerServiceV20141113";
/// Target prefix of ECR.
pub const ECR: &str = "AmazonEC2ContainerRegistry_V20150921";
/// Target prefix of CloudWatch Logs.
pub const LOGS: &str = "Logs_20140328";
/// Target prefix of EventBridge.
pub const EVENTS: &str = "AWSEvents";
/// Target prefix of Secrets Manager.
pub const SECRETS: &str = "secretsmanager";

/// A connection to a platform on this machine.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    date: String,
    /// The server said that it closes the connection after its last answer.
    closed: bool,
}

impl Client {
    /// Connects to `127.0.0.1:port`.
    ///
    /// # Errors
    /// The operating system's.
    pub fn connect(port: u16) -> io::Result<Self> {
        let host = format!("127.0.0.1:{port}");
        Ok(Self { stream: open(&host)?, date: now(), host, closed: false })
    }

    /// Calls one operation and returns its answer.
    ///
    /// # Errors
    /// No answer, or one other than 200, which is quoted.
    pub fn call(&mut self, service: &str, operation: &str, body: &Value) -> io::Result<Value> {
        let (status, answer) = self.try_call(service, operation, body)?;
        if status == 200 { Ok(answer) } else { Err(io::Error::other(format!("{operation}: {status} {answer}"))) }
    }

    /// Calls one operation and returns status and answer, null where that is no JSON.
    ///
    /// # Errors
    /// No answer.
    pub fn try_call(&mut self, service: &str, operation: &str, body: &Value) -> io::Result<(u16, Value)> {
        let scope = match service {
            LOGS => "logs",
            ECR => "ecr",
            SECRETS => "secretsmanager",
            EVENTS => "events",
            _ => "ecs",
        };
        let headers = format!("Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {service}.{operation}\r\n");
        let (status, body) = self.post(scope, &headers, &body.to_string())?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// Sends one signed-looking POST and returns status and body.
    ///
    /// # Errors
    /// No answer.
    pub fn post(&mut self, scope: &str, headers: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\n{headers}X-Amz-Date: {}\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.date,
            authorization(&self.date, scope),
            body.len(),
        );
        self.exchange(&request)
    }

    /// Sends a request to one of the platform's own pages, such as `GET /_managr/health`.
    ///
    /// # Errors
    /// No answer.
    pub fn own(&mut self, line: &str, body: &str) -> io::Result<(u16, Value)> {
        let (host, length) = (&self.host, body.len());
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}");
        let (status, body) = self.exchange(&request)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    fn exchange(&mut self, request: &str) -> io::Result<(u16, Vec<u8>)> {
        if std::mem::take(&mut self.closed) {
            self.stream = open(&self.host)?;
        }
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer"));
        }
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let mut length = 0;
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "connection" => self.closed = value.trim().eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }
}

fn open(host: &str) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(BufReader::new(stream))
}

/// Returns the time as SigV4 writes it.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Returns an Authorization header of the right form; emulators do not know the key.
pub fn authorization(date: &str, service: &str) -> String {
    let day = &date[..8];
    let signature = "0".repeat(64);
    format!(
        "AWS4-HMAC-SHA256 Credential=test/{day}/us-east-1/{service}/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
    )
}
