//! A WebSocket over a byte stream that was upgraded elsewhere.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Bytes in and bytes out.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Duplex for T {}

/// A WebSocket over any byte stream.
pub type WebSocket = WebSocketStream<Box<dyn Duplex>>;

/// Largest message taken, in bytes; what real ends send has at most 1,024 of payload.
const LARGEST: usize = 1 << 20;

/// Returns the user's end of a connection that was upgraded.
pub async fn client_socket(stream: Box<dyn Duplex>) -> WebSocket {
    WebSocketStream::from_raw_socket(stream, Role::Client, Some(settings())).await
}

/// Returns the service's end of a connection that was upgraded.
pub async fn server_socket(stream: Box<dyn Duplex>) -> WebSocket {
    WebSocketStream::from_raw_socket(stream, Role::Server, Some(settings())).await
}

fn settings() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST))
}

/// Returns the `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455, 4.2.2).
pub fn accept_key(key: &[u8]) -> String {
    derive_accept_key(key)
}
