//! The embedded platform's own routes (`/_managr/...`), beside the AWS services. Unsigned.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::CallError;

/// A service name for errors.
const PLATFORM: &str = "platform";

/// Asks a route of the platform and returns its JSON; an empty body is null.
///
/// # Errors
/// [`CallError::Transport`] when nothing listens, [`CallError::Service`] when it refuses.
pub async fn request(method: Method, endpoint: &str, path: &str, timeout: Duration) -> Result<Value, CallError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let transport = |source: reqwest::Error| CallError::Transport {
        service: PLATFORM,
        operation: path.to_owned(),
        endpoint: endpoint.to_owned(),
        not_running: source.is_connect(),
        source: source.without_url(),
    };
    let builder = reqwest::Client::builder().tls_certs_only([]).no_proxy().timeout(timeout);
    let http = builder.build().map_err(|source| CallError::Setup { source })?;
    let url = format!("{}{path}", endpoint.trim_end_matches('/'));
    let response = http.request(method, url).send().await.map_err(transport)?;
    let status = response.status();
    let body = response.bytes().await.map_err(transport)?;
    let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(value);
    }
    let word = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Err(CallError::Service {
        service: PLATFORM,
        operation: path.to_owned(),
        code: word("__type").unwrap_or_else(|| format!("HTTP {}", status.as_u16())),
        message: word("message").unwrap_or_else(|| String::from_utf8_lossy(&body).trim().to_owned()),
        status: status.as_u16(),
        request_id: String::new(),
    })
}
