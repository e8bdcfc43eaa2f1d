//! Calls ECS and CloudWatch Logs over one kept connection, so that what is measured is the platform
//! and not the start of a client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::shell::{Fault, cmd};

/// The target prefixes of the services that are called.
pub(crate) const ECS: &str = "AmazonEC2ContainerServiceV20141113";
pub(crate) const LOGS: &str = "Logs_20140328";

/// A connection to a platform on this machine.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    date: String,
    /// The server said that it closes the connection after its last answer.
    closed: bool,
}

impl Client {
    pub(crate) fn connect(port: u16) -> Result<Self, Fault> {
        let host = format!("127.0.0.1:{port}");
        let stream = open(&host).map_err(|error| Fault::Wrong(format!("no answer on {host}: {error}")))?;
        Ok(Self { stream, date: now()?, host, closed: false })
    }

    /// Calls one operation; an answer other than 200 is a fault.
    pub(crate) fn call(&mut self, service: &str, operation: &str, body: &Value) -> Result<Value, Fault> {
        let (status, answer) = self.try_call(service, operation, body)?;
        if status == 200 { Ok(answer) } else { Err(Fault::Wrong(format!("{operation}: {status} {answer}"))) }
    }

    /// Calls one operation and returns status and answer.
    pub(crate) fn try_call(&mut self, service: &str, operation: &str, body: &Value) -> Result<(u16, Value), Fault> {
        let body = body.to_string();
        let scope = if service == LOGS { "logs" } else { "ecs" };
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {service}.{operation}\r\n\
             X-Amz-Date: {}\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.date,
            authorization(&self.date, scope),
            body.len(),
        );
        let (status, body) = self.exchange(operation, &request)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// Returns the first subnet of the account; `None` where the server has no EC2.
    ///
    /// moto takes only subnets that it has; the others take any.
    pub(crate) fn subnet(&mut self) -> Result<Option<String>, Fault> {
        let body = "Action=DescribeSubnets&Version=2016-11-15";
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Amz-Date: {}\r\n\
             Authorization: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.date,
            authorization(&self.date, "ec2"),
            body.len(),
        );
        let (_, answer) = self.exchange("DescribeSubnets", &request)?;
        let answer = String::from_utf8_lossy(&answer);
        let id = answer.split_once("<subnetId>").and_then(|(_, rest)| rest.split_once('<'));
        Ok(id.map(|(id, _)| id.to_owned()))
    }

    fn exchange(&mut self, what: &str, request: &str) -> Result<(u16, Vec<u8>), Fault> {
        self.send(request).map_err(|error| Fault::Wrong(format!("{what} on {}: {error}", self.host)))
    }

    fn send(&mut self, request: &str) -> std::io::Result<(u16, Vec<u8>)> {
        if std::mem::take(&mut self.closed) {
            self.stream = open(&self.host)?;
        }
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
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

fn open(host: &str) -> std::io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(BufReader::new(stream))
}

/// Returns the time as SigV4 writes it.
pub(crate) fn now() -> Result<String, Fault> {
    cmd("date", &["-u", "+%Y%m%dT%H%M%SZ"]).read()
}

/// Returns an Authorization header of the right form; emulators do not know the key.
pub(crate) fn authorization(date: &str, service: &str) -> String {
    let day = &date[..8];
    let signature = "0".repeat(64);
    format!(
        "AWS4-HMAC-SHA256 Credential=test/{day}/us-east-1/{service}/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
    )
}
