//! A signed GET that turns its connection into a WebSocket's byte stream, as a session's data channel wants.
//!
//! The plugin of AWS signs this request for `ssmmessages` since 1.2.764 where the URL does not already hold a
//! signature: the host and the date are signed, the body is empty (session-manager-plugin, `websocketutil.go`).

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use reqsign_aws_v4::RequestSigner;
use reqwest::redirect::Policy;

use crate::{CallError, Client, Protocol, Service};

/// The data channel's own service. Its URLs come with a session; its endpoint is never asked for.
const CHANNEL: Service = Service {
    signing_name: "ssmmessages",
    endpoint_prefix: "ssmmessages",
    variable: "SSMMESSAGES",
    protocol: Protocol::Query { version: "" },
};

/// What is asked for, for errors: the API has no name for it.
const OPERATION: &str = "OpenDataChannel";

/// How long a connection may take, and then the answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection that has left HTTP.
#[derive(Debug)]
pub struct Upgraded {
    /// What is left of it: bytes in, bytes out, without a time limit.
    pub stream: reqwest::Upgraded,
    /// `Sec-WebSocket-Accept` of the answer, for the caller, who knows what it must be.
    pub accept: String,
}

impl Client {
    /// Opens a WebSocket at a `ws://` or `wss://` URL and returns its byte stream. `key` is the
    /// `Sec-WebSocket-Key`: 16 random bytes in base64.
    ///
    /// # Errors
    /// [`CallError::Answer`] for another answer than 101; [`CallError::Transport`] when none comes.
    pub async fn upgrade(&self, url: &str, key: &str) -> Result<Upgraded, CallError> {
        let place = url.split('?').next().unwrap_or_default(); // what follows may be a signature
        let unreadable = |reason: String| CallError::answer(&CHANNEL, OPERATION, reason);
        let target = http_url(url).ok_or_else(|| unreadable(format!("`{place}` is not a URL of a WebSocket")))?;
        let broken = |source| self.transport(&CHANNEL, OPERATION, place, source);
        let request = http::Request::get(&target)
            .body(())
            .map_err(|source| CallError::Endpoint { endpoint: place.to_owned(), source })?;
        let (mut parts, ()) = request.into_parts();
        if !is_signed(url) {
            let signer =
                self.signer.clone().with_request_signer(RequestSigner::new(CHANNEL.signing_name, self.region()));
            let unsigned =
                |source| CallError::Sign { service: CHANNEL.signing_name, operation: OPERATION.to_owned(), source };
            signer.sign(&mut parts, None).await.map_err(unsigned)?;
        }
        // Only now: what is added after signing is not signed, and a proxy may change these.
        say_upgrade(&mut parts.headers, key);
        let http = connector(&target).map_err(|source| CallError::Setup { source })?;
        let request = reqwest::Request::try_from(http::Request::from_parts(parts, "")).map_err(broken)?;
        let answer = tokio::time::timeout(PATIENCE, http.execute(request)).await;
        let response = answer
            .map_err(|_| unreadable(format!("{place} did not answer within {} s", PATIENCE.as_secs())))?
            .map_err(broken)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(unreadable(format!("{place} answers {} and opens no WebSocket", response.status())));
        }
        let accept = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
        let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Upgraded { stream: response.upgrade().await.map_err(broken)?, accept })
    }
}

/// Returns the HTTP URL behind a WebSocket's.
fn http_url(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    match scheme {
        "ws" => Some(format!("http://{rest}")),
        "wss" => Some(format!("https://{rest}")),
        _ => None,
    }
}

/// Whether a URL brings its signature along.
fn is_signed(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| pair.get(..6).is_some_and(|name| name.eq_ignore_ascii_case("x-amz-")))
}

fn say_upgrade(headers: &mut HeaderMap, key: &str) {
    let fixed =
        [(header::CONNECTION, "Upgrade"), (header::UPGRADE, "websocket"), (header::SEC_WEBSOCKET_VERSION, "13")];
    for (name, value) in fixed {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    if let Ok(key) = key.parse() {
        headers.insert(header::SEC_WEBSOCKET_KEY, key);
    }
}

/// A client of its own: a WebSocket wants HTTP/1.1, a connection of its own, and no time limit.
fn connector(target: &str) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .connect_timeout(PATIENCE)
        .redirect(Policy::none())
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent(concat!("managr/", env!("CARGO_PKG_VERSION")));
    if target.starts_with("http://") {
        builder = builder.tls_certs_only([]).no_proxy();
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::Options;

    /// Answers one request with `answer` and then sends back what comes; gives back the request's head.
    async fn server(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/v1/data-channel/s-1?role=publish_subscribe", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
            let mut bytes = [0; 4];
            while let Ok(count @ 1..) = socket.read(&mut bytes).await {
                socket.write_all(&bytes[..count]).await.unwrap();
            }
            String::from_utf8(head).unwrap()
        });
        (url, served)
    }

    fn client() -> Client {
        Client::new(Options::local("http://127.0.0.1:1", "eu-west-1")).unwrap()
    }

    const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                          Sec-WebSocket-Accept: abc\r\n\r\nhi";

    #[tokio::test]
    async fn a_websocket_is_asked_for_with_a_signature_and_gives_its_bytes() {
        let (url, served) = server(SWITCH).await;
        let mut upgraded = client().upgrade(&url, "a2V5").await.unwrap();
        assert_eq!(upgraded.accept, "abc");
        upgraded.stream.write_all(b"ping").await.unwrap();
        let mut back = [0; 6];
        upgraded.stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"hiping", "what came with the answer is not lost");
        drop(upgraded);
        let head = served.await.unwrap().to_ascii_lowercase();
        assert!(head.starts_with("get /v1/data-channel/s-1?role=publish_subscribe http/1.1"), "{head}");
        for part in
            ["upgrade: websocket", "sec-websocket-key: a2v5", "/eu-west-1/ssmmessages/aws4_request", "x-amz-date"]
        {
            assert!(head.contains(part), "{part} in {head}");
        }
        let signed = head.split("signedheaders=").nth(1).unwrap().split(',').next().unwrap();
        assert!(!signed.contains("upgrade") && !signed.contains("sec-websocket"), "{signed}");
    }

    #[tokio::test]
    async fn a_url_that_brings_its_signature_is_not_signed_again() {
        let (url, served) = server(SWITCH).await;
        drop(client().upgrade(&format!("{url}&X-Amz-Signature=s3cret"), "a2V5").await.unwrap());
        assert!(!served.await.unwrap().to_ascii_lowercase().contains("authorization"));
    }

    #[tokio::test]
    async fn another_answer_is_an_error_that_names_the_place_and_not_what_is_behind_it() {
        let (url, _served) = server("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
        let error = client().upgrade(&format!("{url}&X-Amz-Signature=s3cret"), "a2V5").await.unwrap_err().to_string();
        assert!(error.contains("403 Forbidden") && error.contains("/v1/data-channel/s-1"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
        let error = client().upgrade("http://x/", "a2V5").await.unwrap_err().to_string();
        assert!(error.contains("`http://x/` is not a URL of a WebSocket"), "{error}");
    }
}
