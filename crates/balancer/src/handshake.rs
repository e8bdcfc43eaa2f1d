//! How a connection of HTTPS begins: with a handshake, or, where a client speaks HTTP in the clear, with being told so.

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::counts::{ListenerCounts, add};

/// What a handshake begins with (RFC 8446, 5.1: ContentType `handshake`).
const HANDSHAKE: u8 = 22;
/// What the ALB says to a request in the clear (ALB guide, HTTP 400).
const PLAIN: &str = "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n\
    <center><h1>400 Bad Request</h1></center>\r\n<center>The plain HTTP request was sent to HTTPS port</center>\r\n\
    </body>\r\n</html>\r\n";

/// Shakes hands; none when the client does not. The client learns why, as far as TLS can say it.
pub(crate) async fn accept(
    mut socket: TcpStream,
    config: Arc<ServerConfig>,
    counts: &ListenerCounts,
) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    match socket.peek(&mut first).await {
        Ok(1) if first[0] == HANDSHAKE => {}
        Ok(1) if first[0].is_ascii_alphabetic() => {
            refuse(&mut socket).await;
            return None;
        }
        _ => return None,
    }
    match TlsAcceptor::from(config).accept(socket).await {
        Ok(secured) => Some(secured),
        Err(error) => {
            // A client that does not trust the certificate, or has no version or cipher in common.
            tracing::debug!(%error, "a client did not shake hands");
            add(&counts.tls_errors, 1);
            None
        }
    }
}

async fn refuse(socket: &mut TcpStream) {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nServer: awselb/2.0\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{PLAIN}",
        PLAIN.len()
    );
    // Fails only for a client that has gone. What it sent is read, so that closing does not take the answer back.
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.shutdown().await;
    let mut rest = [0; 4096];
    while matches!(tokio::io::AsyncReadExt::read(socket, &mut rest).await, Ok(1..)) {}
}
