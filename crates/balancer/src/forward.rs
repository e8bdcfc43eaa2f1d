//! One request to one target: which connection, and what may be tried again.
//!
//! Tried again: on a fresh connection, when a kept one had been closed by the target before
//! it answered anything and the request is safe to repeat; on the next target, when no
//! connection could be made. Never once a body has begun to move.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::body::{Progress, RequestBody};
use crate::counts::{GroupCounts, add};
use crate::group::{GroupAtWork, Lease};
use crate::pool::{self, ConnectError, Sender};

/// How many targets are tried before giving up.
const TARGETS: usize = 3;
/// How many connections to one target are tried before giving up.
const CONNECTIONS: usize = 4;

/// A target's answer, and what it came on.
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    pub(crate) sender: Sender,
    pub(crate) lease: Lease,
    pub(crate) progress: Option<Arc<Progress>>,
    /// How long the target took to answer, in microseconds.
    pub(crate) micros: u64,
}

/// Sends a request to a target of the group.
///
/// # Errors
/// The status that the client gets: 503 without targets, 502, 504, or 400 when its body was broken.
pub(crate) async fn forward(
    group: &GroupAtWork,
    cookie: Option<&str>,
    request: Request<RequestBody>,
    idle: Duration,
) -> Result<Answer, StatusCode> {
    let progress = request.body().progress();
    let mut request = request;
    let mut tried: [Option<SocketAddr>; TARGETS] = [None; TARGETS];
    let mut failed = StatusCode::SERVICE_UNAVAILABLE;
    for turn in 0..TARGETS {
        let passed_over: Vec<SocketAddr> = tried.iter().flatten().copied().collect();
        let Some(lease) = group.pick(cookie, &passed_over) else { break };
        if turn == 0 {
            // "Only incremented for requests where the load balancer node was able to choose a target" (RequestCount).
            add(&group.counts.requests, 1);
        }
        tried[turn] = Some(lease.target().address);
        match send(&group.counts, lease, request, progress.as_ref(), idle).await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Unreachable { request: unsent, status }) => {
                failed = status;
                request = *unsent;
            }
            Err(Failure::Final(status)) => return Err(status),
        }
    }
    Err(failed)
}

enum Failure {
    /// Nothing was sent: another target may take it.
    Unreachable {
        request: Box<Request<RequestBody>>,
        status: StatusCode,
    },
    Final(StatusCode),
}

async fn send(
    counts: &GroupCounts,
    lease: Lease,
    mut request: Request<RequestBody>,
    progress: Option<&Arc<Progress>>,
    idle: Duration,
) -> Result<Answer, Failure> {
    let repeatable = progress.is_none() && is_idempotent(request.method());
    let age = if repeatable { pool::IDLE } else { pool::JUST_USED };
    let mut fresh_only = false;
    for _ in 0..CONNECTIONS {
        let kept = if fresh_only { None } else { lease.target().pool.take(age).await };
        let reused = kept.is_some();
        let mut sender = match kept {
            Some(sender) => sender,
            None => match lease.target().pool.connect().await {
                Ok(sender) => {
                    add(&counts.connections, 1);
                    sender
                }
                Err(error) => {
                    // Too many of ours are no fault of the target's.
                    if !matches!(error, ConnectError::TooMany) {
                        add(&counts.connection_errors, 1);
                    }
                    tracing::debug!(target_id = %lease.target().id, error = &error as &dyn std::error::Error, "target unreachable");
                    let status = match error {
                        ConnectError::Slow => StatusCode::GATEWAY_TIMEOUT,
                        ConnectError::TooMany => StatusCode::SERVICE_UNAVAILABLE,
                        ConnectError::Refused(_) | ConnectError::Handshake(_) => StatusCode::BAD_GATEWAY,
                    };
                    return Err(Failure::Unreachable { request: Box::new(request), status });
                }
            },
        };
        // Only a kept connection can turn out to be dead, so only then is a copy worth its cost.
        let spare = (reused && repeatable).then(|| copy_of(&request));
        let began = Instant::now();
        let sent = sender.send(request);
        let Some(outcome) = within(sent, progress, idle).await else {
            return Err(Failure::Final(StatusCode::GATEWAY_TIMEOUT));
        };
        let mut error = match outcome {
            Ok(response) => {
                let micros = began.elapsed().as_micros() as u64;
                return Ok(Answer { response, sender, lease, progress: progress.cloned(), micros });
            }
            Err(error) => error,
        };
        if progress.is_some_and(|p| p.has_failed()) {
            return Err(Failure::Final(StatusCode::BAD_REQUEST));
        }
        fresh_only = true;
        // hyper hands a request back only when no byte of it was written.
        request = match (error.take_message(), spare) {
            (Some(unsent), _) => unsent,
            (None, Some(spare)) if was_closed(error.error()) => Request::from_parts(spare, RequestBody::empty()),
            (None, _) => {
                tracing::debug!(target_id = %lease.target().id, error = error.error() as &dyn std::error::Error, "target gave no answer");
                return Err(Failure::Final(StatusCode::BAD_GATEWAY));
            }
        };
    }
    Err(Failure::Final(StatusCode::BAD_GATEWAY))
}

/// RFC 9110, 9.2.2: methods whose repetition means the same.
fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

fn copy_of(request: &Request<RequestBody>) -> Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = request.method().clone();
    parts.uri = request.uri().clone();
    parts.headers = request.headers().clone();
    parts
}

/// Whether the target ended the connection, rather than answering badly.
fn was_closed(error: &hyper::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return matches!(
                io.kind(),
                BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
            );
        }
        source = cause.source();
    }
    error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}

/// Waits for an answer at most `idle` after the last part of the request moved.
async fn within<T>(answer: impl Future<Output = T>, progress: Option<&Arc<Progress>>, idle: Duration) -> Option<T> {
    let mut answer = std::pin::pin!(answer);
    let mut deadline = Instant::now() + idle;
    loop {
        if let Ok(outcome) = timeout_at(deadline, &mut answer).await {
            return Some(outcome);
        }
        match progress.map(|p| p.last() + idle) {
            Some(later) if later > deadline => deadline = later,
            _ => return None,
        }
    }
}
