//! Listens, keeps connections, sends each request to whoever answers it.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_model::AwsError;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::answer::{self, Body, Protocol};
use crate::call::Service;
use crate::state::State;
use crate::{channel, dispatch, envelope, guard, own};

/// How the front is to behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names beside the loopback ones under which clients reach the platform.
    pub extra_hosts: Vec<String>,
    /// The largest body of an API call, in bytes. The largest that AWS takes is ECR's
    /// `UploadLayerPart` (20 MiB, in base64).
    pub body_limit: usize,
    /// How long requests under way may still take after shutdown began.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { extra_hosts: Vec::new(), body_limit: 32 << 20, drain: Duration::from_secs(5) }
    }
}

/// Idle connections are closed after this long; a little above what clients and proxies use.
const IDLE: Duration = Duration::from_secs(75);

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
    let options = Arc::new(options);
    let (stop, stopping) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            // Dropping an accept loses no connection: it stays in the listener's queue.
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, state.clone(), options.clone(), stopping.clone()));
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
    if tokio::time::timeout(options.drain, stop.closed()).await.is_err() {
        tracing::warn!("connections were still open at the end of the drain");
    }
    Ok(())
}

async fn connection(stream: TcpStream, state: Arc<State>, options: Arc<Options>, mut stopping: watch::Receiver<()>) {
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else { return };
    let local = local.ip().to_canonical();
    let service = service_fn(move |request| {
        let (state, options) = (state.clone(), options.clone());
        async move { Ok::<_, Infallible>(answer(&state, &options, local, request).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(250);
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        // The connection is not dropped here: it is told, and then driven to its end.
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(state: &State, options: &Options, local: IpAddr, request: Request<Incoming>) -> Response<Body> {
    if let Err(why) = guard::admit(request.uri(), request.headers(), local, &options.extra_hosts) {
        tracing::warn!(%why, "refused a request");
        return answer::own(StatusCode::FORBIDDEN, &json!({"message": why.to_string()}));
    }
    let path = request.uri().path();
    if let Some(page) = path.strip_prefix("/_managr/") {
        return own::answer(state, request.method(), page.trim_end_matches('/')).await;
    }
    if path == "/v2" || path.starts_with("/v2/") {
        return state.registry.handle(request).await.map(Either::Right);
    }
    if let Some(session_id) = path.strip_prefix(channel::PATH) {
        let session_id = session_id.to_owned();
        return channel::answer(state, &session_id, request);
    }
    aws(state, options, request).await
}

/// Answers an AWS call.
async fn aws(state: &State, options: &Options, request: Request<Incoming>) -> Response<Body> {
    let request_id = answer::request_id();
    let (parts, body) = request.into_parts();
    let body = match whole(body, options.body_limit).await {
        Ok(body) => body,
        Err(error) => return answer::refusal(Protocol::Json, &error, &request_id),
    };
    let call = match envelope::open(&parts, &body, &request_id) {
        Ok(call) => call,
        Err((protocol, error)) => {
            tracing::debug!(%error, "refused a call");
            return answer::refusal(protocol, &error, &request_id);
        }
    };
    drop(body);
    let service = call.service;
    let outcome = dispatch::call(state, call).await;
    match outcome {
        Ok(reply) => answer::success(reply, &request_id),
        Err(error) => {
            if error.status >= 500 {
                tracing::warn!(service = service.cli_name(), %error, request_id, "a call failed");
            }
            let protocol = match service {
                Service::ElbV2 | Service::Sts => Protocol::Query(Some(service)),
                _ => Protocol::Json,
            };
            answer::refusal(protocol, &error, &request_id)
        }
    }
}

async fn whole(body: Incoming, limit: usize) -> Result<Bytes, AwsError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let words = format!("the body is larger than {limit} bytes");
            Err(AwsError::new("RequestEntityTooLargeException", words).with_status(413))
        }
        Err(error) => Err(AwsError::new("SerializationException", format!("the body could not be read: {error}"))),
    }
}
