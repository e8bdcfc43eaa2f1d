//! Listens, keeps connections, sends each request to what answers it.

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_model::Answer;
use http::{Request, Response, StatusCode};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use nix::sys::resource::{Resource, getrlimit};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::admission::{self, Denied, Peer, Policy};
use crate::answer::{self, Body};
use crate::peer::{self, Finder};
use crate::state::State;
use crate::{body, caller, channel, dispatch, envelope, guard, limits, own};

/// How the front is to behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names beside the loopback ones under which clients reach the platform.
    pub extra_hosts: Vec<String>,
    /// Who may use the platform.
    pub policy: Policy,
    /// How many connections of those who may are kept at once.
    pub connections: usize,
    /// How long the body of a small call may take to arrive, and how long a large one may be silent.
    pub patience: Duration,
    /// How long requests under way may still take after shutdown began.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            extra_hosts: Vec::new(),
            policy: Policy::own(),
            connections: connections(),
            patience: Duration::from_secs(20),
            drain: Duration::from_secs(5),
        }
    }
}

/// Returns how many connections there may be: half of the descriptors that this process may have. The rest is for the
/// database, images, logs and the supervisors of tasks, which must not fail because a client opens connections.
fn connections() -> usize {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from(limit / 2).unwrap_or(usize::MAX).clamp(16, 4096)
}

/// Idle connections are closed after this long; a little above what clients and proxies use.
const IDLE: Duration = Duration::from_secs(75);
/// How many connections of those who may not use the platform are answered at once.
const STRANGERS: usize = 32;
/// How long one of them may take.
const STRANGERS_TIME: Duration = Duration::from_secs(10);
/// How many large bodies are in memory at once.
const LARGE_BODIES: usize = 4;
/// The answer to a connection for which there is no place.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What all connections share.
struct Front {
    state: Arc<State>,
    options: Options,
    finder: Finder,
    places: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    large: Semaphore,
    /// Users whose refusal was logged: each once, so that no user fills the log.
    told: Mutex<HashSet<Option<u32>>>,
}

/// The other end of a connection. Holds the connection's place for as long as it lives.
pub(crate) struct Caller {
    local: IpAddr,
    denied: Option<Denied>,
    _place: OwnedSemaphorePermit,
}

/// Serves the API on `listener` until `shutdown` resolves, then lets requests under way finish.
///
/// # Errors
/// When the listener's address cannot be read. Failed accepts are logged and passed over.
pub async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving the API");
    let finder = if options.policy.is_open() { Finder::Blind } else { Finder::new() };
    if finder == Finder::Blind && !options.policy.is_open() {
        tracing::warn!(
            "this machine does not say whose a connection is: every call will be refused (--allow everybody)"
        );
    }
    let drain = options.drain;
    let front = Arc::new(Front {
        state,
        finder,
        places: Arc::new(Semaphore::new(options.connections)),
        strangers: Arc::new(Semaphore::new(STRANGERS)),
        large: Semaphore::new(LARGE_BODIES),
        told: Mutex::new(HashSet::new()),
        options,
    });
    let (stop, stopping) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            // Dropping an accept loses no connection: it stays in the listener's queue.
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    tokio::spawn(connection(stream, peer, front.clone(), stopping.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: give connections time to end.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    drop(stopping);
    stop.send_replace(());
    if tokio::time::timeout(drain, stop.closed()).await.is_err() {
        tracing::warn!("connections were still open at the end of the drain");
    }
    Ok(())
}

async fn connection(mut stream: TcpStream, peer: SocketAddr, front: Arc<Front>, stopping: watch::Receiver<()>) {
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else { return };
    let denied = front.judge(peer, local).await.err();
    let is_denied = denied.is_some();
    let places = if is_denied { &front.strangers } else { &front.places };
    let Ok(place) = places.clone().try_acquire_owned() else {
        tracing::debug!(%peer, "there is no place for another connection");
        let _ = stream.write_all(FULL).await;
        return;
    };
    let caller = Arc::new(Caller { local: local.ip().to_canonical(), denied, _place: place });
    let conversation = converse(stream, front, caller, stopping);
    if is_denied {
        // Whatever is cut off here was refused.
        let _ = tokio::time::timeout(STRANGERS_TIME, conversation).await;
    } else {
        conversation.await;
    }
}

async fn converse(stream: TcpStream, front: Arc<Front>, caller: Arc<Caller>, mut stopping: watch::Receiver<()>) {
    let service = service_fn(move |request| {
        let (front, caller) = (front.clone(), caller.clone());
        async move { Ok::<_, Infallible>(front.answer(&caller, request).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(100).max_header_list_size(64 << 10);
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        // The connection is not dropped here: it is asked to close, and then driven to its end.
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

impl Front {
    /// Finds out who is at the other end, once for each connection, and whether they may use the platform.
    async fn judge(&self, peer: SocketAddr, local: SocketAddr) -> Result<(), Denied> {
        let policy = &self.options.policy;
        if policy.is_open() {
            return Ok(());
        }
        let uid = self.finder.uid(peer, local);
        let bare = uid.map_or(Peer::Stranger, |uid| Peer::User { uid, name: None, groups: Vec::new() });
        let verdict = admission::decide(policy, &bare);
        let (Err(_), Some(uid)) = (&verdict, uid) else { return self.tell(verdict, peer, uid) };
        // Only who is not let in by number is looked up: a directory service may be slow.
        let with_groups = policy.asks_for_groups();
        let known = tokio::task::spawn_blocking(move || peer::known(uid, with_groups)).await;
        let verdict = known.map_or(verdict, |known| admission::decide(policy, &known));
        self.tell(verdict, peer, Some(uid))
    }

    fn tell(&self, verdict: Result<(), Denied>, peer: SocketAddr, uid: Option<u32>) -> Result<(), Denied> {
        if let Err(why) = &verdict {
            let is_new = self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(uid);
            match is_new {
                true => tracing::warn!(%peer, %why, "refused a caller; their next calls are not logged"),
                false => tracing::debug!(%peer, %why, "refused a caller"),
            }
        }
        verdict
    }

    async fn answer(&self, caller: &Arc<Caller>, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        // Scripts wait for a platform by it, and it says nothing.
        let is_health = path.trim_end_matches('/') == "/_managr/health";
        if let (Some(denied), false) = (&caller.denied, is_health) {
            let (parts, body) = request.into_parts();
            body::discard(&parts.headers, body).await;
            return answer::denied(&parts, denied);
        }
        if let Err(why) = guard::admit(request.uri(), request.headers(), caller.local, &self.options.extra_hosts) {
            tracing::warn!(%why, "refused a request");
            return answer::own(StatusCode::FORBIDDEN, &json!({"message": why.to_string()}));
        }
        if let Some(page) = path.strip_prefix("/_managr/") {
            let page = page.trim_end_matches('/').to_owned();
            let Some(limit) = own::reads(request.method(), &page) else {
                return own::answer(&self.state, request.method(), &page, &[]).await;
            };
            let (parts, body) = request.into_parts();
            return match body::whole(&parts.headers, body, limit, self.options.patience).await {
                Ok(body) => own::answer(&self.state, &parts.method, &page, &body).await,
                Err(error) => {
                    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
                    answer::own(status, &json!({"message": error.message}))
                }
            };
        }
        if path == "/v2" || path.starts_with("/v2/") {
            let request = request.map(|body| body::Lively::new(body, self.options.patience));
            return self.state.registry.handle(request).await.map(|body| Either::Right(Either::Left(body)));
        }
        if let Some(session_id) = path.strip_prefix(session::CHANNEL_PATH) {
            let session_id = session_id.to_owned();
            return channel::answer(&self.state, &session_id, request, caller.clone());
        }
        self.aws(request).await
    }

    /// Answers an AWS call.
    async fn aws(&self, request: Request<Incoming>) -> Response<Body> {
        let request_id = answer::request_id();
        let (parts, body) = request.into_parts();
        let limit = limits::bytes(&parts);
        // The time limit on the body starts only after the wait for a place.
        let _large = match limit > limits::LARGE {
            true => self.large.acquire().await.ok(),
            false => None,
        };
        let patience = limits::patience(limit, self.options.patience);
        let body = body::whole(&parts.headers, body, limit, patience).await;
        let body = body.and_then(|body| body::opened(&parts.headers, body, limits::opened(limit)));
        let body = match body {
            Ok(body) => body,
            Err(error) => return answer::refusal(&(caller::of(&parts), None, error), &request_id),
        };
        let opened = match envelope::open(&parts, &body, &self.state.doors, &request_id) {
            Ok(opened) => opened,
            Err(refused) => {
                tracing::debug!(error = %refused.2, "refused a call");
                return answer::refusal(&refused, &request_id);
            }
        };
        drop(body);
        let (caller, operation) = (opened.caller, opened.call.operation);
        match dispatch::call(opened.door, opened.call).await {
            Ok(Answer::Document(document)) => {
                let reply = aws_wire::answer::success(caller.protocol, operation, document, &request_id);
                answer::response(reply, &request_id)
            }
            Ok(Answer::Events(events)) => answer::events(caller.protocol, operation, events, &request_id),
            Err(error) => {
                if error.status >= 500 {
                    let service = operation.service().cli_name();
                    tracing::warn!(service, %error, request_id, "a call failed");
                }
                answer::refusal(&(caller, Some(operation), error), &request_id)
            }
        }
    }
}
